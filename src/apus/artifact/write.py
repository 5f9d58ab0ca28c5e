"""Graph → bytes. The same graph gives the same bytes, on every machine."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from apus._files import write_atomically
from apus.artifact._crc import crc32c
from apus.artifact.container import ENTRY_BYTES, SEGMENTS, head, round_up
from apus.artifact.graph import Array, Graph, Node, Value
from apus.artifact.read import read

PRODUCER = "apus 0.1.0"


def to_bytes(graph: Graph) -> bytes:
    """The `.apus` file of `graph`, checked by reading it back: ArtifactError if it breaks a rule of SPEC.md.

    Args:
        graph: a packed network.

    Returns:
        The whole file.

    >>> from apus.artifact import Graph, Node, Value
    >>> values = {name: Value("float32", ["N", 2]) for name in "xy"}
    >>> data = to_bytes(Graph("g", ["x"], ["y"], values, [Node("unary", "r", ["x"], ["y"], {"function": "relu"})]))
    >>> len(data), data[:5]
    (4096, b'\\x89APUS')
    """
    data = encode(graph)
    read(data)
    return data


def encode(graph: Graph) -> bytes:
    """As `to_bytes` but not read back: for the engine, which checks by itself whatever it is given.

    Args:
        graph: a packed network.

    Returns:
        The whole file.
    """
    names = list(graph.used_tensors())
    names += sorted(set(graph.tensors) - set(names))
    parts = {f"segment{i}": np.frombuffer(segment.data, np.uint8) for i, segment in enumerate(graph.segments)}
    entries, payload, length = _payload({name: graph.tensors[name] for name in names} | parts)
    document = {
        "producer": PRODUCER,
        "graph": _graph(graph) | ({"segments": _segments(graph)} if parts else {}),
        "tensors": entries,
        "metadata": json.loads(json.dumps(graph.metadata, sort_keys=True)),
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return b"".join([head(text.encode("utf-8"), length, SEGMENTS if parts else 0), *payload])


def write(graph: Graph, path: str | os.PathLike[str]) -> Path:
    """Write `graph` as an `.apus` file: all of it or, after a crash, nothing.

    Args:
        graph: a packed network.
        path: the file to make or replace.

    Returns:
        `path`, as a Path.
    """
    return write_atomically(path, to_bytes(graph))


def _payload(tensors: dict[str, Array]) -> tuple[dict[str, Any], list[bytes | memoryview], int]:
    """Entries, what they lie in piece by piece, and how many bytes that is."""
    entries: dict[str, Any] = {}
    payload: list[bytes | memoryview] = []
    end = 0
    for name, array in tensors.items():
        plain = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        raw = plain.reshape(-1).view(np.uint8).data
        start = round_up(end, ENTRY_BYTES)
        entries[name] = {
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "offset": start,
            "length": len(raw),
            "crc": crc32c(raw),
        }
        payload += [bytes(start - end), raw]
        end = start + len(raw)
    return entries, payload, end


def _graph(graph: Graph) -> dict[str, Any]:
    order = [*graph.inputs, *(node.output for node in graph.nodes)]
    order += [name for segment in graph.segments for name in segment.outputs]
    order += sorted(set(graph.values) - set(order))
    return {
        "name": graph.name,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "values": {name: _value(graph.values[name]) for name in order if name in graph.values},
        "nodes": [_node(node) for node in graph.nodes],
    }


def _segments(graph: Graph) -> list[dict[str, Any]]:
    return [
        {
            "engine": segment.engine,
            "inputs": segment.inputs,
            "outputs": segment.outputs,
            "tensor": f"segment{index}",
            "nodes": segment.nodes,
            "why": segment.why,
        }
        for index, segment in enumerate(graph.segments)
    ]


def _value(value: Value) -> dict[str, Any]:
    fields: dict[str, Any] = {"dtype": value.dtype, "shape": list(value.shape)}
    if value.quantised:
        fields |= {"scale": float(np.float32(value.scale)), "zero_point": value.zero_point}
    return fields


def _node(node: Node) -> dict[str, Any]:
    return {
        "op": node.op,
        "name": node.name,
        "inputs": node.inputs,
        "outputs": node.outputs,
        "attributes": {key: node.attributes[key] for key in sorted(node.attributes)},
        "tensors": {role: node.tensors[role] for role in sorted(node.tensors)},
    }
