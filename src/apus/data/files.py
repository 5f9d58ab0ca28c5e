"""Examples in files: images in class folders, and tar files laid out as for webdataset, read from any place."""

import io
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apus.errors import DataError, MissingExtraError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}


def folder(path: str | Path) -> list[tuple[str, int]]:
    """Image files of a folder with one sub-folder for each class.

    Args:
        path: the folder.

    Returns:
        (file, class) pairs in order of name; classes are numbered in order of name.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give one with a sub-folder of images for each class, or .tar files")
    classes = sorted(entry for entry in root.iterdir() if entry.is_dir())
    found = [
        (str(file), label)
        for label, name in enumerate(classes)
        for file in sorted(name.rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise DataError(f"{root}: no image in its sub-folders, one of which is needed for each class")
    return found


class Tars:
    """Examples of tar files: members that share a name up to its first dot, by their suffix.

    The headers are read once; then any example is one `pread`, by many threads at once.

    Args:
        paths: uncompressed tar files.

    Raises:
        DataError: a file is no tar file, or holds no example.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.paths = [str(path) for path in paths]
        self.examples: list[tuple[int, str, dict[str, tuple[int, int]]]] = []
        self._files: dict[int, int] = {}
        for file, path in enumerate(self.paths):
            self._index(file, path)
        if not self.examples:
            raise DataError(f"{', '.join(self.paths)}: no example inside")

    def _index(self, file: int, path: str) -> None:
        examples: dict[str, dict[str, tuple[int, int]]] = {}
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    place, _, name = member.name.rpartition("/")
                    stem, _, suffix = name.partition(".")
                    if member.isfile() and suffix:
                        examples.setdefault(f"{place}/{stem}" if place else stem, {})[suffix] = (
                            member.offset_data,
                            member.size,
                        )
        except tarfile.TarError as error:
            raise DataError(f"{path}: not an uncompressed tar file ({error})") from None
        self.examples += [(file, key, parts) for key, parts in examples.items()]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """`{"__key__": name, suffix: bytes, ...}`, as webdataset gives it."""
        file, key, parts = self.examples[index]
        if file not in self._files:
            self._files[file] = os.open(self.paths[file], os.O_RDONLY)
        handle = self._files[file]
        return {"__key__": key} | {suffix: os.pread(handle, size, at) for suffix, (at, size) in parts.items()}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_files": {}}

    def __del__(self) -> None:
        for handle in self.__dict__.pop("_files", {}).values():
            os.close(handle)


def decode_image(source: str | bytes, side: int = 0) -> NDArray[np.uint8]:
    """An image as an array.

    Args:
        source: path or content of a file that Pillow reads.
        side: pixels to resize both sides to; 0 keeps the size.

    Returns:
        Red, green and blue, (H, W, 3).

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("decoding images needs Pillow: pip install pillow") from None
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        converted = image.convert("RGB")
        return np.asarray(converted.resize((side, side)) if side else converted)
