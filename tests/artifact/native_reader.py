"""Worker of test_fuzz.py: reads files with the C++ reader under a memory limit, and runs those it accepts.

Input: a file of (u32 length, bytes) records. Output: a line of JSON per record, flushed, so a crash shows its culprit.
"""

import json
import resource
import struct
import sys
from pathlib import Path

import numpy as np

from apus import _native
from apus.errors import ApusError, ArtifactError

HEADROOM_BYTES = 256 << 20
ELEMENTS = 1 << 16  # a mutated shape may be legal and huge; such a file is accepted but not run


def limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + HEADROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def run(model: "_native.Model", size: int) -> str:
    """What a run comes to when every symbolic dimension is `size`."""
    shapes = [[d if isinstance(d, int) else size for d in shape] for _, _, shape in model.inputs]
    if any(np.prod(shape, dtype=float) > ELEMENTS for shape in shapes):
        return "not run"
    inputs = [np.ones(shape, dtype) for shape, (_, dtype, _) in zip(shapes, model.inputs, strict=True)]
    try:
        _native.Session(model, 1).run(inputs)
    except ApusError as error:
        return type(error).__name__
    except MemoryError:  # legal but huge, say a pad of 2^31 − 1: the file is fine, the machine is too small
        return "MemoryError"
    return "ran"


def verdict(data: bytes) -> dict[str, str]:
    try:
        model = _native.Model.from_bytes(data)
    except ArtifactError as error:
        return {"verdict": "refused", "detail": str(error)}
    return {"verdict": "accepted", "detail": f"{run(model, 3)}, empty: {run(model, 0)}"}


def main() -> None:
    records = Path(sys.argv[1]).read_bytes()
    _native.Session  # noqa: B018 - fail now, not at the first accepted file, if the engine is not built
    limit_memory()
    place = 0
    while place < len(records):
        (length,) = struct.unpack_from("<I", records, place)
        print(json.dumps(verdict(records[place + 4 : place + 4 + length])), flush=True)
        place += 4 + length


if __name__ == "__main__":
    main()
