"""Write a file so that a reader, or a run after a kill, sees the old content or the new, never half."""

import os
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Write `data` to a temporary neighbour, flush it to the disk, then rename it over `path`.

    Args:
        path: where the file shall be; missing folders are made.
        data: the whole content; text is encoded as UTF-8.

    Returns:
        `path`, as a Path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(folder + "/a/b.txt", "swift").read_text()
    'swift'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    content = data.encode() if isinstance(data, str) else data
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target
