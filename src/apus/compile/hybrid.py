"""Share an ONNX model between the engine and ONNX Runtime: what the engine refuses, ONNX Runtime runs."""

import time
from collections.abc import Mapping
from statistics import median
from threading import Lock
from typing import Any

import numpy as np
import onnx

from apus.artifact import Array, Graph
from apus.compile.adaptive import Adaptive, Feed
from apus.compile.pieces import inferred, piece, reason, seen
from apus.errors import ApusError, ArtifactError, CompileError, RunError
from apus.runtime.foreign import Foreign

Row = dict[str, Any]


class Segment:
    """Consecutive nodes that one engine runs: `native` says whether ours, `nodes` how many, `operators` which.

    Args:
        model: these nodes alone.
        threads: threads per layer; every usable core by default.
        why: what the engine refuses in it; empty where the engine runs it.
        **options: of the engine, as `Adaptive` takes them.
    """

    def __init__(self, model: onnx.ModelProto, threads: int | None, why: str = "", **options: Any) -> None:
        self.native, self.why, self.nodes = not why, why, len(model.graph.node)
        self.names = [value.name for value in model.graph.input]
        self.outputs = list(model.graph.output)
        self.operators = sorted({node.op_type for node in model.graph.node})
        self._run: Adaptive | Foreign
        if self.native:
            self._run = Adaptive(model, threads, **options)
        else:
            nodes = ", ".join(sorted({_called(node) for node in model.graph.node}))
            self._run = Foreign(model.SerializeToString(), threads or 0, nodes)

    def feed(self, known: Feed) -> Feed:
        """What this segment reads."""
        return {name: known[name] for name in self.names}

    def run(self, known: Feed) -> None:
        """Add this segment's results to `known`."""
        for value, result in zip(self.outputs, self._run.run(self.feed(known)), strict=True):
            known[value.name] = _as_declared(result, value)

    def graphs(self, known: Feed) -> list[Graph]:
        """The compiled graph, if the engine runs it."""
        return [self._run.plan(self.feed(known))[1]] if isinstance(self._run, Adaptive) else []

    def rows(self, known: Feed, runs: int) -> list[Row]:
        """As `Session.profile` gives them, or `Session.plan` when `runs` is 0; what ONNX Runtime runs is one row."""
        feed = self.feed(known)
        if isinstance(self._run, Adaptive):
            return self._run.rows(feed, runs)
        row: Row = {"name": self._run.what, "op": "onnxruntime", "kernel": "onnxruntime", "isa": "", "why": self.why}
        row |= {"shape": [], "macs": 0, "nodes": self.nodes}
        return [row | {"microseconds": _time(self._run, feed, runs)}] if runs else [row]


def _called(node: onnx.NodeProto) -> str:
    """`com.acme.Frob of node 'head'`; a node without a name is called by its first result."""
    operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
    return f"{operator} of node {node.name or next(iter(node.output), '')!r}"


def _time(part: Foreign, feed: Feed, runs: int) -> float:
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter_ns()
        part.run(feed)
        taken.append((time.perf_counter_ns() - start) / 1e3)
    return median(taken[1:])


class Hybrid:
    """A model of which ONNX Runtime runs the nodes that the engine refuses. Threads may share it.

    Args:
        model: an ONNX model.
        threads: threads per layer; every usable core by default.
        deterministic: as `deterministic_plan` of a session.
        accuracy: as of a session; of the engine's parts.
        precision: of the engine's parts, as for `compile_model`.

    Raises:
        CompileError: ONNX Runtime refuses a node too.
        MissingExtraError: ONNX Runtime is not installed.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        threads: int | None = None,
        deterministic: bool = False,
        accuracy: str = "accurate",
        precision: str = "fp32",
    ) -> None:
        self.model, self.threads = model, threads
        self._options: dict[str, Any] = {
            "deterministic": deterministic,
            "accuracy": accuracy,
            "precision": precision,
        }
        self.segments: list[Segment] = []
        constants = {tensor.name for tensor in model.graph.initializer}
        self.inputs = [value.name for value in model.graph.input if value.name not in constants]
        self._outputs = [value.name for value in model.graph.output]
        self._types, self._lock = inferred(model), Lock()

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        """Run once; the first run finds the segments.

        Args:
            feed: an array per input.

        Returns:
            One array per output.

        Raises:
            CompileError: no node produces an output.
        """
        known = self._all(feed)
        missing = [name for name in self._outputs if name not in known]
        if missing:
            raise CompileError(f"output {missing[0]!r} is produced by no node")
        return [known[name] for name in self._outputs]

    def _all(self, feed: Mapping[str, Array]) -> Feed:
        known: Feed = dict(feed)
        with self._lock:
            if not self.segments:
                self.segments, known = self._settled(known)
                return known
        for segment in self.segments:
            segment.run(known)
        return known

    def graphs(self, feed: Mapping[str, Array]) -> list[Graph]:
        """What the engine runs, compiled for inputs like these."""
        known = self._all(feed)
        return [graph for segment in self.segments for graph in segment.graphs(known)]

    def rows(self, feed: Mapping[str, Array], runs: int) -> list[Row]:
        """Layers and parts as `Session.profile` gives them, or `Session.plan` when `runs` is 0."""
        known = self._all(feed)
        return [row for segment in self.segments for row in segment.rows(known, runs)]

    @property
    def native_fraction(self) -> float:
        """Share of the nodes that the engine runs, once the segments are found."""
        total = sum(segment.nodes for segment in self.segments)
        return sum(segment.nodes for segment in self.segments if segment.native) / max(total, 1)

    def _settled(self, feed: Feed) -> tuple[list[Segment], Feed]:
        """The segments and all values; the whole model is ONNX Runtime's where its pieces are not."""
        known = dict(feed)
        try:
            return self._found(known), known
        except (CompileError, RunError) as error:
            try:
                return [self._cut(feed, 0, len(self.model.graph.node), reason(error))], feed
            except CompileError:
                raise error from None

    def _found(self, known: Feed) -> list[Segment]:
        """Cut the nodes, in their order, wherever the engine refuses one; runs each piece as it is found."""
        found: list[Segment] = []
        start, total = 0, len(self.model.graph.node)
        while start < total:
            end, why = self._taken(known, start)
            try:
                found.append(self._cut(known, start, max(end, start + 1), why if end == start else ""))
            except (CompileError, RunError):
                if end > start:
                    raise
                end = total  # a sequence, say, cannot leave its segment: the rest runs there too
                found.append(self._cut(known, start, end, why))
            start = max(end, start + 1)
        return found

    def _cut(self, known: Feed, start: int, end: int, why: str) -> Segment:
        segment = Segment(self._piece(known, start, end), self.threads, why, **self._options)
        segment.run(known)
        return segment

    def _piece(self, known: Feed, start: int, end: int) -> onnx.ModelProto:
        return piece(self.model, start, end, self._types | seen(known, self._types), known, self._outputs)

    def _taken(self, known: Feed, start: int) -> tuple[int, str]:
        """Index behind the last node from `start` on that the engine takes, and why it refuses the next."""
        low, high = start, len(self.model.graph.node)
        error = self._refusal(known, start, high)
        if error is None:
            return high, ""
        named = self._place(error, start)
        if named is not None and (named == start or self._refusal(known, start, named) is None):
            return named, reason(error)
        while high - low > 1:  # [start, low) compiles, [start, high) does not
            middle = (low + high) // 2
            refusal = self._refusal(known, start, middle)
            low, high, error = (middle, high, error) if refusal is None else (low, middle, refusal)
        return low, reason(error)

    def _place(self, error: ApusError, start: int) -> int | None:
        """Index of the node that an error names."""
        nodes, name = self.model.graph.node, getattr(error, "output", "")
        return next((i for i in range(start, len(nodes)) if name and name in nodes[i].output), None)

    def _refusal(self, known: Feed, start: int, end: int) -> ApusError | None:
        part = self._piece(known, start, end)
        feed = {v.name: known[v.name] for v in part.graph.input}
        if any(not isinstance(array, np.ndarray | np.generic) for array in feed.values()):
            return CompileError("it reads a sequence or an optional value; only arrays are supported")
        try:
            Adaptive(part, self.threads, **self._options).plan(
                {name: np.asarray(array) for name, array in feed.items()}
            )
        except (CompileError, ArtifactError) as error:
            return error
        return None


def _as_declared(result: Any, value: onnx.ValueInfoProto) -> Any:
    """ONNX Runtime gives float8 and other types that NumPy has no name for as their bytes."""
    element = value.type.tensor_type.elem_type
    if not isinstance(result, np.ndarray) or element == onnx.TensorProto.UNDEFINED:
        return result
    dtype = onnx.helper.tensor_dtype_to_np_dtype(element)
    same = result.dtype.kind in "OSU" or result.dtype == dtype or result.dtype.itemsize != dtype.itemsize
    return result if same else result.view(dtype)
