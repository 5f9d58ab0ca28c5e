"""Parts of a network that are files of their own, one after another (SPEC.md §7)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from apus.artifact import fields
from apus.artifact.graph import Array, Graph, Segment
from apus.errors import ArtifactError

ENGINES = frozenset({"apus", "onnxruntime"})
Read = Callable[[memoryview], Graph]


def parse(raw: Any, tensors: dict[str, Array]) -> list[Segment]:
    """The segments of a graph.

    Args:
        raw: the JSON array `segments`.
        tensors: of the file.

    Returns:
        At least one, in order.

    Raises:
        ArtifactError: a field is wrong.
    """
    found = [_segment(index, item, tensors) for index, item in enumerate(fields.items(raw, "graph, segments"))]
    if not found:
        raise ArtifactError("graph, segments: there is none")
    return found


def _segment(index: int, raw: Any, tensors: dict[str, Array]) -> Segment:
    where = f"segment {index}"
    raw = fields.keys(raw, where, {"engine", "inputs", "outputs", "tensor", "nodes", "why"})
    engine = fields.choice(raw["engine"], f"{where}, engine", ENGINES)
    name = fields.text(raw["tensor"], f"{where}, tensor", allow_empty=False)
    data = tensors.get(name)
    if data is None or data.dtype != np.uint8 or data.ndim != 1 or not data.size:
        raise ArtifactError(f"{where}: tensor {name!r} is no row of bytes")
    ends = [
        [fields.text(entry, f"{where}, {side}", allow_empty=False) for entry in fields.items(raw[side], where)]
        for side in ("inputs", "outputs")
    ]
    nodes = fields.integer(raw["nodes"], f"{where}, nodes", 0)
    return Segment(engine, ends[0], ends[1], data.tobytes(), nodes, fields.text(raw["why"], f"{where}, why"))


def check(graph: Graph, read: Read) -> None:
    """Check the wiring of the segments, and every part that is an `.apus` file.

    Args:
        graph: with its values declared.
        read: reads a part, which may have no segments of its own.

    Raises:
        ArtifactError: a rule of SPEC.md §7 is broken.
    """
    known = set(graph.inputs)
    for index, segment in enumerate(graph.segments):
        where = f"segment {index}"
        lost = [name for name in segment.inputs if name not in known]
        if lost:
            raise ArtifactError(f"{where}: input {lost[0]!r} is not known by then")
        bad = [name for name in segment.outputs if name not in graph.values or name in known]
        if bad or not segment.outputs:
            raise ArtifactError(f"{where}: output {(bad or [''])[0]!r} is no value, or already has a producer")
        if any(len(set(names)) != len(names) for names in (segment.inputs, segment.outputs)):
            raise ArtifactError(f"{where}: a name is repeated")
        if segment.engine == "apus":
            _check_part(where, segment, graph, read(memoryview(segment.data)))
        known |= set(segment.outputs)
    if missing := [name for name in graph.values if name not in known]:
        raise ArtifactError(f"value {missing[0]!r}: nothing produces it")
    if any(value.quantised for value in graph.values.values()):
        raise ArtifactError("graph, values: a value between segments is quantised")


def _check_part(where: str, segment: Segment, graph: Graph, part: Graph) -> None:
    if part.inputs != segment.inputs or part.outputs != segment.outputs:
        raise ArtifactError(f"{where}: its part has other inputs or outputs")
    for name in [*segment.inputs, *segment.outputs]:
        inner, outer = part.values[name], graph.values[name]
        if inner.dtype != outer.dtype or len(inner.shape) != len(outer.shape):
            raise ArtifactError(f"{where}: {name!r} is another kind of value in its part")
