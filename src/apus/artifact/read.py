"""Bytes → Graph, trusting nothing."""

import math
import mmap
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from apus.artifact import fields, segments, strict_json
from apus.artifact._crc import crc32c
from apus.artifact.container import ENTRY_BYTES, HEADER_BYTES, PAGE_BYTES, SEGMENTS, round_up, split
from apus.artifact.graph import Array, Graph
from apus.artifact.operators import DTYPES
from apus.artifact.validate import check_graph, parse_graph
from apus.errors import ArtifactError

_ENTRY_KEYS = {"dtype", "shape", "offset", "length", "crc"}
_INT64_MAX = 2**63 - 1


def read(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> Graph:
    """Read and check a whole `.apus` file; FileNotFoundError if there is none.

    Args:
        source: a path, or the file's bytes.

    Returns:
        The network; its constants are read-only views of the file.

    Raises:
        ArtifactError: the file is damaged, hostile or too new; the message gives path, tensor or node, and offset.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        name, data = "<bytes>", memoryview(source).cast("B").toreadonly()
    else:
        name, data = os.fspath(source), _map(Path(source))
    try:
        return _read(data)
    except ArtifactError as error:
        raise ArtifactError(f"{name}: {error}") from None


def _map(path: Path) -> memoryview:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _read(data: memoryview, nested: bool = False) -> Graph:
    json_bytes, payload, critical = split(data)
    document = strict_json.parse(json_bytes)
    for key in ("producer", "graph", "tensors", "metadata"):
        if key not in document:
            raise ArtifactError(f"the JSON lacks {key!r}")
    fields.text(document["producer"], "producer")
    parts = bool(critical & SEGMENTS)
    if parts and nested:
        raise ArtifactError("it has segments of its own")
    graph = parse_graph(document["graph"], parts=parts)
    graph.metadata = fields.mapping(document["metadata"], "metadata")
    graph.tensors = _tensors(document["tensors"], payload, round_up(HEADER_BYTES + len(json_bytes), PAGE_BYTES))
    if parts:
        graph.segments = segments.parse(document["graph"]["segments"], graph.tensors)
        graph.tensors = {}
    check_graph(graph)
    if parts:
        segments.check(graph, partial(_read, nested=True))
    return graph


def _tensors(raw: Any, payload: memoryview, start: int) -> dict[str, Array]:
    tensors, end = {}, 0
    for name, entry in fields.mapping(raw, "tensors").items():
        fields.text(name, "tensors", allow_empty=False)
        tensors[name], end = _tensor(name, entry, payload, end, start)
    if end != len(payload):
        raise ArtifactError(f"offset {start + end}: {len(payload) - end} bytes after the last tensor")
    return tensors


def _tensor(name: str, raw: Any, payload: memoryview, previous: int, start: int) -> tuple[Array, int]:
    where = f"tensor {name!r}"
    raw = fields.keys(raw, where, _ENTRY_KEYS)
    dtype = np.dtype(fields.choice(raw["dtype"], f"{where}, dtype", DTYPES)).newbyteorder("<")
    shape = [int(n) for n in fields.dims(raw["shape"], f"{where}, shape", symbols=False)]
    offset = fields.integer(raw["offset"], f"{where}, offset", 0, _INT64_MAX)
    length = fields.integer(raw["length"], f"{where}, length", 0, _INT64_MAX)
    crc = fields.integer(raw["crc"], f"{where}, crc", 0, 2**32 - 1)
    if offset != round_up(previous, ENTRY_BYTES):
        raise ArtifactError(f"{where}: offset {offset} is not the next multiple of {ENTRY_BYTES} after {previous}")
    if length != math.prod(shape) * dtype.itemsize or offset + length > len(payload):
        raise ArtifactError(f"{where}, offset {start + offset}: {length} bytes do not fit shape {shape} or the file")
    if any(payload[previous:offset]):
        raise ArtifactError(f"{where}, offset {start + previous}: the gap before it is not zero")
    view = payload[offset : offset + length]
    if crc32c(view) != crc:
        raise ArtifactError(f"{where}, offset {start + offset}: the data is damaged: its CRC-32C differs")
    if dtype.kind == "b" and length and max(view) > 1:
        raise ArtifactError(f"{where}, offset {start + offset}: a bool is neither 0 nor 1")
    return np.frombuffer(view, dtype).reshape(shape), offset + length
