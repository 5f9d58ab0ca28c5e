"""A request that is not answered, and why."""

from apus.errors import ApusError


class Refusal(ApusError):
    """Becomes `{"error": message}`.

    Args:
        message: names the field and what it should be.
        status: of HTTP: 400 wrong, 404 unknown, 413 too long, 500 no answer that JSON can hold, 503 too busy.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
