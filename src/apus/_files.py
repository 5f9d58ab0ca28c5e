"""Files: whole or not at all when written, and a hint at the right name when one is missing."""

import difflib
import os
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Write `data` to a temporary neighbour, flush it to the disk, then rename it over `path`.

    Args:
        path: where the file shall be; missing folders are made. A device or a pipe is written to as it is.
        data: the whole content; text is encoded as UTF-8.

    Returns:
        `path`, as a Path.

    Raises:
        OSError: it cannot be written; names `path`, and nothing is left beside it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(folder + "/a/b.txt", "swift").read_text()
    'swift'
    """
    target = Path(path)
    if target.exists() and not target.is_file():  # a rename would put a file in the place of /dev/null
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    content = data.encode() if isinstance(data, str) else data
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:  # a full disk names no file, others the temporary one
        raise type(error)(error.errno, error.strerror, str(target)) from error
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
    if wanted.exists():
        raise FileNotFoundError(f"{wanted} is a device or a pipe; a file is needed")
    folder = wanted.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"no file {wanted}: there is no folder {folder}{_near(folder)}")
    raise FileNotFoundError(f"no file {wanted}{_near(wanted)}")


def existing_file_or_folder(path: str | os.PathLike[str]) -> Path:
    """As `existing_file`, but a folder will do as well."""
    return Path(path) if Path(path).is_dir() else existing_file(path)


def file_to_be(path: str | os.PathLike[str], *, beside: Path | None = None) -> Path:
    """`path` as a Path, if a file can be written there without making a folder, which a slip of the hand would.

    Args:
        path: a file that shall be written later, perhaps after hours.
        beside: the file that it is made of, which it must not replace.

    Returns:
        The path.

    Raises:
        FileNotFoundError: it is in no folder; names those of like name.
        IsADirectoryError: it is a folder itself.
        FileExistsError: it is the file that it is made of.
    """
    wanted = Path(path)
    if beside is not None and wanted.exists() and wanted.samefile(beside):
        raise FileExistsError(f"{wanted} is the model itself, which would be lost; give another name")
    if wanted.is_dir():
        raise IsADirectoryError(f"{wanted} is a folder; give the name of the file to write in it")
    if not wanted.parent.is_dir():
        raise FileNotFoundError(f"cannot write {wanted}: there is no folder {wanted.parent}{_near(wanted.parent)}")
    return wanted


def _near(missing: Path) -> str:
    folder = missing.parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    near = difflib.get_close_matches(missing.name, names, n=3, cutoff=0.5)
    return f"; did you mean {', '.join(str(folder / name) for name in near)}?" if near else ""
