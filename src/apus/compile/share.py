"""Compile an ONNX model in parts: what the engine refuses, or runs slower here, is recorded for ONNX Runtime."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from apus import artifact
from apus.artifact import Array, Graph, Segment, Value
from apus.artifact.operators import DTYPES
from apus.compile.model import check_precision, compile_model, precision_metadata
from apus.compile.pieces import Types, inferred, piece, reason
from apus.compile.source import Model, Prepared, prepare
from apus.errors import CompileError
from apus.runtime import Session
from apus.runtime.foreign import Foreign

MARGIN = 0.97  # of our time: ONNX Runtime must beat it
SECONDS = 0.6  # of measuring per part, both together


@dataclass
class Part:
    """Nodes start..end-1, and why ONNX Runtime runs them; `graph` where the engine does."""

    start: int
    end: int
    why: str = ""
    graph: Graph | None = None


def share(
    model: Model | Prepared,
    *,
    precision: str = "fp32",
    shapes: dict[str, list[int]] | None = None,
    threads: int = 1,
    faster: bool = True,
) -> Graph:
    """Compile a model; ONNX Runtime may run parts of it.

    Args:
        model: as for `compile_model`.
        precision: of the engine's parts, as for `compile_model`; ONNX Runtime runs the model as it is.
        shapes: fixed shapes for inputs, by name, in place of symbolic ones.
        threads: of both while they are measured.
        faster: whether a part that ONNX Runtime runs faster here, measured, is given to it; only where every input has
            a fixed shape but for its first dimension, which is then 1.

    Returns:
        The network; with segments if ONNX Runtime got a part.

    Raises:
        CompileError: the model is none, the precision is unknown, or ONNX Runtime refuses its part too.
        MissingExtraError: ONNX Runtime is not installed.
    """
    check_precision(precision)
    whole = prepare(model)
    shared = _Shared(_fixed(ir.serde.serialize_model(whole.model), shapes or {}), whole.file, threads, precision)
    parts = shared.parts()
    feed = _sample(shared.model, shapes or {}) if faster else None
    if feed is not None:
        parts = shared.faster(parts, feed)
    if all(part.graph for part in parts) and len(parts) == 1:
        return parts[0].graph or Graph("", [], [])
    return shared.joined(parts)


def _fixed(model: onnx.ModelProto, shapes: dict[str, list[int]]) -> onnx.ModelProto:
    for value in model.graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, shapes.get(value.name, ()), strict=False):
            dim.dim_value = size
    return model


def _sample(model: onnx.ModelProto, shapes: dict[str, list[int]]) -> dict[str, Array] | None:
    """Inputs to measure with; None where a dimension beyond the first is open."""
    random, feed = np.random.default_rng(0), {}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        shape = shapes.get(value.name) or [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
        if -1 in shape[1:] or not tensor.HasField("shape"):
            return None
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        size = [1 if d == -1 else d for d in shape]
        feed[value.name] = (
            random.standard_normal(size).astype(dtype) if dtype.kind == "f" else random.integers(0, 2, size, dtype)
        )
    return feed


class _Shared:
    def __init__(self, model: onnx.ModelProto, file: str, threads: int, precision: str) -> None:
        self.model, self.file, self.threads, self.precision = model, file, threads, precision
        self.types: Types = inferred(model)
        self.total = len(model.graph.node)
        self.finals = [value.name for value in model.graph.output]
        self.given = [value.name for value in model.graph.input]
        for name in self.given:
            _declared(self.types, name, f"{file}: input")
        self._refused: CompileError | None = None  # the latest

    def parts(self) -> list[Part]:
        """Runs of nodes that the engine takes and runs of nodes that it refuses, in turns."""
        found: list[Part] = []
        start = 0
        while start < self.total:
            part = self._longest(start)
            if part.graph is None and found and found[-1].graph is None:
                found[-1].end = part.end
            else:
                found.append(part)
            if found[-1].graph is None and self._leaks(found[-1]):
                found[-1].end = self.total
            start = found[-1].end
        return found

    def _longest(self, start: int) -> Part:
        """The longest part from `start` on that the engine takes; the node there, if it is refused."""
        high = self.total
        while True:
            graph = self._compiled(start, high)
            if graph is not None:
                return Part(start, high, graph=graph)
            high = self._place(start, high)
            if high == start:
                return Part(start, start + 1, why=reason(self._refused))

    def _place(self, start: int, end: int) -> int:
        """Number of the node at which compiling start..end-1 ended; the middle, where that is not known."""
        name = self._refused.output if self._refused else ""
        nodes = self.model.graph.node
        at = next((i for i in range(start, end) if name and name in nodes[i].output), None)
        return at if at is not None else start + (end - start) // 2

    def _compiled(self, start: int, end: int) -> Graph | None:
        try:
            return compile_model(self.piece(start, end), precision=self.precision)
        except CompileError as error:
            self._refused = error
            return None

    def piece(self, start: int, end: int) -> onnx.ModelProto:
        """Nodes start..end-1 as a model."""
        made = {name for node in self.model.graph.node[:start] for name in node.output}
        return piece(self.model, start, end, self.types, made | set(self.given), self.finals)

    def _leaks(self, part: Part) -> bool:
        """Whether a result of a part is nothing that a file can declare, such as a sequence."""
        try:
            for value in self.piece(part.start, part.end).graph.output:
                _declared(self.types, value.name, "")
        except CompileError:
            return part.end < self.total
        return False

    def faster(self, parts: list[Part], feed: dict[str, Array]) -> list[Part]:
        """The parts anew: those of the engine's that ONNX Runtime runs faster are given to it."""
        known: dict[str, Any] = dict(feed)
        for part in parts:
            model = self.piece(part.start, part.end)
            names = [value.name for value in model.graph.input]
            theirs = self._foreign(model)
            given = {name: known[name] for name in names}
            results = theirs.run(given)
            if part.graph is not None:
                session = Session(artifact.to_bytes(part.graph), threads=self.threads)
                ours_us, theirs_us = _times(partial(session.run, None, given), partial(theirs.run, given))
                if theirs_us < MARGIN * ours_us:
                    part.graph = None
                    part.why = f"measured {theirs_us:,.0f} µs against {ours_us:,.0f}, {self.threads} thread(s)"
            known |= {value.name: result for value, result in zip(model.graph.output, results, strict=True)}
        return _merged(parts)

    def _foreign(self, model: onnx.ModelProto) -> Foreign:
        return Foreign(model.SerializeToString(), self.threads, f"nodes of {self.file}", alone=True)

    def joined(self, parts: list[Part]) -> Graph:
        """One graph of segments."""
        graph = Graph(self.model.graph.name or "model", self.given, self.finals)
        graph.values = {name: _declared(self.types, name, "") for name in self.given}
        for part in parts:
            model = self.piece(part.start, part.end)
            ends = [[value.name for value in side] for side in (model.graph.input, model.graph.output)]
            if part.graph is not None:
                data = artifact.to_bytes(part.graph)
                made = {name: part.graph.values[name] for name in ends[1]}
                graph.values |= {name: Value(value.dtype, value.shape) for name, value in made.items()}
            else:
                self._foreign(model)  # an error now, not when the file is opened
                data = model.SerializeToString()
                graph.values |= {name: _declared(self.types, name, f"{self.file}: result") for name in ends[1]}
            engine = "apus" if part.graph else "onnxruntime"
            graph.segments.append(Segment(engine, ends[0], ends[1], data, part.end - part.start, part.why))
        graph.metadata = {"source": self.file, "allow": "onnxruntime"} | precision_metadata(self.precision)
        return graph


def _merged(parts: list[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if found and part.graph is None and found[-1].graph is None:
            found[-1].end = part.end
            found[-1].why = "; ".join(dict.fromkeys([found[-1].why, part.why]))
        else:
            found.append(part)
    return found


def _times(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Median microseconds of both, measured in turns."""
    taken: tuple[list[float], list[float]] = ([], [])
    for run in (ours, theirs) * 2:
        run()
    end = time.perf_counter() + SECONDS
    while len(taken[0]) < 5 or time.perf_counter() < end:
        for run, times in zip((ours, theirs), taken, strict=True):
            start = time.perf_counter_ns()
            run()
            times.append((time.perf_counter_ns() - start) / 1e3)
    return median(taken[0]), median(taken[1])


def _declared(types: Types, name: str, what: str) -> Value:
    """A value as a file declares it; CompileError where it cannot."""
    kind = types[name].type.tensor_type if name in types else onnx.TypeProto.Tensor()
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name if kind.elem_type else "unknown"
    if dtype not in DTYPES or not kind.HasField("shape"):
        raise CompileError(f"{what} {name!r} is {dtype}, of known rank or not; a file takes tensors of known rank")
    dims = enumerate(kind.shape.dim)
    return Value(dtype, [d.dim_value if d.HasField("dim_value") else d.dim_param or f"{name}.{i}" for i, d in dims])
