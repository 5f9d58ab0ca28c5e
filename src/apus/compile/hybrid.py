"""Share an ONNX model between the engine and ONNX Runtime: what the engine refuses, ONNX Runtime runs."""

from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import onnx

from apus.artifact import Array
from apus.compile.adaptive import Adaptive, Feed
from apus.errors import ApusError, ArtifactError, CompileError, MissingExtraError, RunError


class Segment:
    """Consecutive nodes that one engine runs: `native` says whether ours, `nodes` how many, `operators` which.

    Args:
        model: these nodes alone.
        native: whether the engine runs them, not ONNX Runtime.
        threads: threads per layer.
    """

    def __init__(self, model: onnx.ModelProto, native: bool, threads: int | None) -> None:
        self.native, self.nodes = native, len(model.graph.node)
        self.names = [value.name for value in model.graph.input]
        self.outputs = [value.name for value in model.graph.output]
        self.operators = sorted({node.op_type for node in model.graph.node})
        self._run = Adaptive(model, threads).run if native else partial(_onnxruntime(model, threads).run, None)

    def run(self, known: Feed) -> None:
        """Add this segment's results to `known`."""
        feed = {name: known[name] for name in self.names}
        try:
            results = self._run(feed)
        except ApusError:
            raise
        except Exception as error:  # ONNX Runtime's errors have no public base
            raise RunError(f"ONNX Runtime cannot run its part, {', '.join(self.operators)}: {error}") from error
        known |= dict(zip(self.outputs, results, strict=True))


class Hybrid:
    """A model of which ONNX Runtime runs the nodes that the engine refuses. Not for sharing among threads.

    Args:
        model: an ONNX model.
        threads: threads per layer; every usable core by default.

    Raises:
        CompileError: ONNX Runtime refuses a node too.
        MissingExtraError: ONNX Runtime is not installed.
    """

    def __init__(self, model: onnx.ModelProto, threads: int | None = None) -> None:
        self.model, self.threads = model, threads
        self.segments: list[Segment] = []
        constants = {tensor.name for tensor in model.graph.initializer}
        self.inputs = [value.name for value in model.graph.input if value.name not in constants]
        self._outputs = [value.name for value in model.graph.output]

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        """Run once; the first run finds the segments.

        Args:
            feed: an array per input.

        Returns:
            One array per output.
        """
        known: Feed = dict(feed)
        if not self.segments:
            self.segments = list(self._segments(known))
        else:
            for segment in self.segments:
                segment.run(known)
        missing = [name for name in self._outputs if name not in known]
        if missing:
            raise CompileError(f"output {missing[0]!r} is produced by no node")
        return [known[name] for name in self._outputs]

    @property
    def native_fraction(self) -> float:
        """Share of the nodes that the engine runs, once the segments are found."""
        total = sum(segment.nodes for segment in self.segments)
        return sum(segment.nodes for segment in self.segments if segment.native) / max(total, 1)

    def _segments(self, known: Feed) -> list[Segment]:
        """Cut the nodes, in their order, wherever the engine refuses one; runs each piece as it is found."""
        found: list[Segment] = []
        start = 0
        while start < len(self.model.graph.node):
            end = self._refused(known, start)
            native = end > start
            end = max(end, start + 1)
            try:
                found.append(self._cut(known, start, end, native))
            except (CompileError, RunError):
                if native:
                    raise
                end = len(self.model.graph.node)  # a sequence, say, cannot leave its segment: the rest runs there too
                found.append(self._cut(known, start, end, native))
            start = end
        return found

    def _cut(self, known: Feed, start: int, end: int, native: bool) -> Segment:
        segment = Segment(_piece(self.model, start, end, known, self._outputs), native, self.threads)
        segment.run(known)
        return segment

    def _refused(self, known: Feed, start: int) -> int:
        """Index of the first node from `start` that the engine refuses, given what is known so far."""
        low, high = start, len(self.model.graph.node)
        if self._takes(known, start, high):
            return high
        while high - low > 1:  # [start, low) compiles, [start, high) does not
            middle = (low + high) // 2
            low, high = (middle, high) if self._takes(known, start, middle) else (low, middle)
        return low

    def _takes(self, known: Feed, start: int, end: int) -> bool:
        piece = _piece(self.model, start, end, known, self._outputs)
        try:
            Adaptive(piece, self.threads).plan({v.name: np.asarray(known[v.name]) for v in piece.graph.input})
        except (CompileError, ArtifactError):
            return False
        return True


def _piece(model: onnx.ModelProto, start: int, end: int, known: Feed, finals: Sequence[str]) -> onnx.ModelProto:
    """Nodes start..end−1 as a model of their own."""
    graph = model.graph
    nodes, later = graph.node[start:end], graph.node[end:]
    made = {name for node in nodes for name in node.output if name}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    read = list(dict.fromkeys(name for node in nodes for name in _reads(node) if name not in made))
    wanted = {name for node in later for name in _reads(node)} | set(finals)
    types = {value.name: value for value in [*graph.input, *graph.output, *graph.value_info]}
    inputs = [_info(name, known[name], types) for name in read if name in known and name not in constants]
    outputs = [types.get(name, onnx.ValueInfoProto(name=name)) for name in sorted(made & wanted)]
    kept = [constants[name] for name in read if name in constants]
    piece = onnx.helper.make_graph(nodes, f"{graph.name}.{start}", inputs, outputs, kept)
    return onnx.helper.make_model(
        piece, opset_imports=model.opset_import, ir_version=model.ir_version, functions=model.functions
    )


def _reads(node: onnx.NodeProto) -> list[str]:
    """What a node reads, the bodies of an If or Loop included."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        names += [name for inner in attribute.g.node for name in _reads(inner)]
        names += [value.name for value in attribute.g.output]
    return names


def _info(name: str, value: Any, types: dict[str, onnx.ValueInfoProto]) -> onnx.ValueInfoProto:
    declared = types.get(name)
    if declared is not None and not declared.type.HasField("tensor_type"):
        return declared
    if not isinstance(value, np.ndarray | np.generic):
        return declared or onnx.ValueInfoProto(name=name)
    array = np.asarray(value)
    rank = [f"{name}.{i}" for i in range(array.ndim)]  # another feed may bring another shape
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), rank)


def _onnxruntime(model: onnx.ModelProto, threads: int | None) -> Any:
    """A session of ONNX Runtime; CompileError where it refuses too."""
    try:
        runtime = import_module("onnxruntime")
    except ModuleNotFoundError as error:
        nodes = ", ".join(sorted({f"{node.op_type} of node {node.name!r}" for node in model.graph.node}))
        raise MissingExtraError(
            f"the engine cannot run {nodes}; ONNX Runtime might: pip install onnxruntime"
        ) from error
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads or 0
    try:
        return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no public base
        raise CompileError(f"{model.graph.name}: ONNX Runtime refuses it too: {error}") from error
