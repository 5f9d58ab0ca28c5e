"""What one server takes upon itself."""

from dataclasses import dataclass

from apus.errors import RunError


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of memory and of waiting.

    Attributes:
        max_batch: rows that one run may hold when requests are stacked, 1 or more; 1 stacks none.
        max_waiting: requests that may wait for their turn, 1 or more; the next is told to come back (503).
        max_body: bytes of a request, 1 or more; a longer one is refused (413) before it is held.
    """

    max_batch: int = 1
    max_waiting: int = 64
    max_body: int = 64 << 20

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise RunError(f"{name} is {getattr(self, name)}, but must be 1 or more")
