"""The bytes of a request, bounded."""

from fastapi import Request

from apus.serve.refusal import Refusal


async def read_body(request: Request, most: int) -> bytes:
    """The body, never holding more than `most` bytes of it.

    Args:
        request: whose body has not been read.
        most: bytes.

    Returns:
        The body.

    Raises:
        Refusal: it is longer.
    """
    body = bytearray()
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise Refusal(f"the request has {declared} bytes, at most {most} are taken", 413)
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refusal(f"the request has more than {most} bytes", 413)
    return bytes(body)
