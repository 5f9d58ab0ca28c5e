"""An ONNX model that cannot be compiled ahead of its inputs: the engine behind `Session` for such a model.

Shapes (and values that decide shapes) are compiled for when they are fed; what the engine refuses, ONNX Runtime runs.
"""

import contextlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from apus import artifact
from apus.artifact import Graph
from apus.compile.adaptive import Adaptive
from apus.compile.hybrid import Hybrid
from apus.compile.model import check_precision, to_bytes
from apus.compile.share import share
from apus.compile.source import Model
from apus.errors import CompileError, UnknownValueError, UnsupportedOperatorError
from apus.runtime.foreign import INSTALL, installed

Described = tuple[str, str, list[int | str] | None]


def ready(
    model: Model,
    *,
    precision: str,
    threads: int,
    deterministic: bool,
    accuracy: str,
    helped: bool,
    faster: bool = False,
) -> "bytes | Fed":
    """What a session runs for an ONNX model.

    Args:
        model: a path, or the model itself.
        precision: as for `compile_model`.
        threads: threads per layer.
        deterministic: as `deterministic_plan` of a session.
        accuracy: as of a session; what ONNX Runtime runs is accurate.
        helped: whether ONNX Runtime may run what the engine refuses.
        faster: whether it may also run what it runs faster here.

    Returns:
        The `.apus` file where the engine takes the model for all shapes; else an engine that compiles when it is fed.

    Raises:
        CompileError: neither can run it; names file, operator, node and fix.
    """
    check_precision(precision)
    try:
        data = to_bytes(model, precision=precision)
        return artifact.to_bytes(share(model, precision=precision, threads=threads)) if faster else data
    except CompileError as error:
        proto = _proto(model, error)
        waits = isinstance(error, UnknownValueError) or _is_open(proto)
        if not helped and (isinstance(error, UnsupportedOperatorError) or not waits):
            raise type(error)(*_retold(error, advice())) from error
    file = Path(model).name if isinstance(model, str | os.PathLike) else "<model>"
    options: dict[str, Any] = {"deterministic": deterministic, "accuracy": accuracy, "precision": precision}
    return Fed(proto, threads, helped=helped, file=file, **options)


def _retold(error: CompileError, more: str) -> tuple[Any, ...]:
    known = (error.value, error.inputs) if isinstance(error, UnknownValueError) else ()
    return f"{error}{more}", *known


def _proto(model: Model, error: CompileError) -> onnx.ModelProto:
    """The model, if it is a valid one; else its error stands."""
    try:
        proto = model if isinstance(model, onnx.ModelProto) else onnx.load(model)
    except Exception:  # protobuf's own errors have no common base
        raise error from None
    made = {name for node in proto.graph.node for name in node.output}
    made |= {value.name for value in [*proto.graph.input, *proto.graph.initializer]}
    if not proto.opset_import or any(value.name not in made for value in proto.graph.output):
        raise error
    with contextlib.suppress(ValueError):  # too large to check in memory
        try:
            onnx.checker.check_model(proto)
        except onnx.checker.ValidationError:
            raise error from None
    return proto


def _is_open(model: onnx.ModelProto) -> bool:
    """Whether a dimension of an input is decided when it is fed."""
    return any(shape is None or any(isinstance(d, str) for d in shape) for _, _, shape in described_inputs(model))


def read_inputs(path: str | os.PathLike[str]) -> list[Described]:
    """Name, dtype and shape of each input of an ONNX file.

    Args:
        path: of the file.

    Returns:
        One per input.

    Raises:
        CompileError: it is no ONNX model.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's own errors have no common base
        raise CompileError(f"{path}: not an ONNX model: {error}") from error
    return described_inputs(model)


def described_inputs(model: onnx.ModelProto) -> list[Described]:
    """Name, dtype and shape of each input."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [_described(value) for value in model.graph.input if value.name not in constants]


class Fed:
    """Runs like the engine's own session. Threads may share it.

    Args:
        model: as ONNX.
        threads: threads per layer.
        helped: whether ONNX Runtime may run what the engine refuses.
        file: for messages.
        **options: of the engine, as `Adaptive` takes them; what ONNX Runtime runs is accurate, in fp32.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        threads: int,
        *,
        helped: bool,
        file: str,
        **options: Any,
    ) -> None:
        self.threads, self.file, self._helped, self._model = threads, file, helped, model
        self._options: dict[str, Any] = {"threads": threads} | options
        self._runner: Adaptive | Hybrid = Adaptive(model, **self._options)
        self.inputs = described_inputs(model)
        self.outputs = [_described(value) for value in model.graph.output]

    def run(self, arrays: Sequence[Any]) -> list[Any]:
        """Run once.

        Args:
            arrays: one per input.

        Returns:
            One per output.
        """
        feed = self._feed(arrays)
        return self._settled(feed).run(feed)

    def profile(self, arrays: Sequence[Any], runs: int) -> list[dict[str, Any]]:
        """As `Session.profile`; what ONNX Runtime runs is one row a part."""
        return self.rows(self._feed(arrays), runs)

    def plan(self, shapes: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
        """As `Session.plan`; inputs that decide a shape are taken to be ones."""
        dtypes = [dtype if dtype in np.sctypeDict else "float32" for _, dtype, _ in self.inputs]
        return self.rows(self._feed([np.ones(s, dtype) for s, dtype in zip(shapes, dtypes, strict=True)]), 0)

    def rows(self, feed: dict[str, Any], runs: int) -> list[dict[str, Any]]:
        """As `profile`, or `plan` when `runs` is 0."""
        return self._settled(feed).rows(feed, runs)

    def graphs(self, feed: dict[str, Any]) -> list[Graph]:
        """What the engine runs for inputs like these."""
        return self._settled(feed).graphs(feed)

    @property
    def parts(self) -> list[tuple[bool, int]]:
        """Whether the engine runs it, and how many nodes it has, of each part found so far."""
        if isinstance(self._runner, Hybrid):
            return [(segment.native, segment.nodes) for segment in self._runner.segments]
        return [(True, len(self._model.graph.node))]

    def _feed(self, arrays: Sequence[Any]) -> dict[str, Any]:
        return {name: array for (name, _, _), array in zip(self.inputs, arrays, strict=True)}

    def _settled(self, feed: dict[str, Any]) -> Adaptive | Hybrid:
        """Who runs it: the engine alone if it takes these inputs, else both."""
        if isinstance(self._runner, Hybrid):
            return self._runner
        try:
            _refuse_lists(feed)
            self._runner.plan(feed)
        except CompileError as error:
            if not self._helped:
                raise type(error)(*_retold(error, advice())) from error
            shared = Hybrid(self._model, **self._options)
            shared.run(feed)
            if any(not segment.native for segment in shared.segments):  # else it only had to be cut
                warnings.warn(f"{self.file}: {_said(shared)}", UserWarning, stacklevel=5)
            self._runner = shared
        return self._runner


def advice() -> str:
    """What a user may do about a refusal beside what the refusal says."""
    how = "leave allow='nothing' out" if installed() else INSTALL
    return f", or let ONNX Runtime run this part: {how}"


def _said(shared: Hybrid) -> str:
    theirs = [segment for segment in shared.segments if not segment.native]
    operators = sorted({operator for segment in theirs for operator in segment.operators})
    nodes, total = sum(s.nodes for s in theirs), sum(s.nodes for s in shared.segments)
    return (
        f"ONNX Runtime runs {nodes} of {total} nodes ({', '.join(operators)}), which the engine refuses;"
        " apus inspect says why"
    )


def _refuse_lists(feed: dict[str, Any]) -> None:
    if not all(isinstance(array, np.ndarray | np.generic) for array in feed.values()):
        raise CompileError("sequences and optional inputs are not supported; only arrays are")


def _described(value: onnx.ValueInfoProto) -> Described:
    """Name, dtype as NumPy calls it (ONNX's own words for what NumPy lacks) and shape (None: not even the rank)."""
    kind = value.type
    if not kind.HasField("tensor_type"):
        return value.name, str(kind.WhichOneof("value") or "unknown").removesuffix("_type"), None
    element = kind.tensor_type.elem_type
    name = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element)).name if element else "unknown"
    if not kind.tensor_type.HasField("shape"):
        return value.name, name, None
    dims = enumerate(kind.tensor_type.shape.dim)
    shape = [d.dim_value if d.HasField("dim_value") else d.dim_param or f"{value.name}.{i}" for i, d in dims]
    return value.name, "str" if name == "object" else name, shape
