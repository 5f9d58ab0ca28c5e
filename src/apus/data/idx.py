"""IDX, the file format of MNIST and its kin, plain or gzipped.

Source: http://yann.lecun.com/exdb/mnist, "FILE FORMATS": two zero bytes, a type, the number of dimensions,
each dimension as a big-endian uint32, then the data in C order.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apus.errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_BYTES = 1 << 32  # a gzip of a few bytes may claim to hold any amount


def read_idx(path: Path) -> NDArray[Any]:
    """Read one IDX file.

    Args:
        path: the file; gzip is recognised by its content, not by its name.

    Returns:
        The array, in native byte order, with the dimensions the file states.

    Raises:
        DataError: the file is missing, corrupt, truncated, or longer than it states.
    """
    raw = _bytes(path)
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _TYPES:
        raise DataError(f"{path}: not an IDX file (starts with {raw[:4].hex(' ') or 'nothing'}); get it again")
    dtype, start = np.dtype(_TYPES[raw[2]]), 4 + 4 * raw[3]
    if len(raw) < start:
        raise DataError(f"{path}: truncated inside its header ({len(raw)} of {start} bytes); get it again")
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    stated = start + math.prod(shape) * dtype.itemsize
    if len(raw) != stated:
        fault = "truncated" if len(raw) < stated else "corrupt"
        raise DataError(f"{path}: {fault}: {len(raw)} bytes, but its header states {stated}; get it again")
    return np.frombuffer(raw, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if file.read(2) != b"\x1f\x8b":
                return path.read_bytes()
        with gzip.open(path) as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except EOFError:
        raise DataError(f"{path}: truncated gzip data; get it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: corrupt gzip data ({error}); get it again") from None
