"""Files: whole or not at all when written, and a hint at the right name when one is missing."""

import difflib
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


def existing_file(path: str | os.PathLike[str]) -> Path:
    """`path` as a Path, or an error that names the files of like name beside it.

    Args:
        path: a file that should be there.

    Returns:
        The path.

    Raises:
        FileNotFoundError: there is no such file.
    """
    wanted = Path(path)
    if wanted.is_file():
        return wanted
    if wanted.is_dir():
        raise FileNotFoundError(f"{wanted} is a folder; a file is needed")
    folder = wanted.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"no file {wanted}: there is no folder {folder}")
    near = difflib.get_close_matches(wanted.name, [entry.name for entry in folder.iterdir()], n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(str(folder / name) for name in near)}?" if near else ""
    raise FileNotFoundError(f"no file {wanted}{hint}")
