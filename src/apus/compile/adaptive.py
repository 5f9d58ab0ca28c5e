"""Run an ONNX model whose shapes, or whose inputs that decide shapes, are known only when it is fed.

Each new combination of shapes, and of values that decide shapes (the target of a Reshape, the k of a TopK), is compiled
once and kept; weights that are the same in several are in memory once.
"""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import onnx

from apus.artifact import Array, Graph, crc32c, encode
from apus.compile.model import compile_model
from apus.compile.source import Prepared, prepare
from apus.errors import UnknownValueError
from apus.runtime import Session
from apus.runtime.source import Network, read_beside

MAX_PLANS = 8
MAX_KNOWN = 64  # elements of an input that decides a shape

Feed = dict[str, Array]


class Adaptive:
    """A model that is compiled when it is fed. Threads may share it.

    Args:
        model: an ONNX model.
        threads: threads per layer; every usable core by default.
        deterministic: as `deterministic_plan` of a session.
        accuracy: as of a session.
        precision: as for `compile_model`.

    >>> relu = onnx.parser.parse_model(
    ...     '<ir_version: 8, opset_import: ["": 17]> m (float[N] x, int64[2] s) => (float[A,B] y) { y = Reshape(x, s) }'
    ... )
    >>> [y.shape for y in Adaptive(relu).run({"x": np.zeros(6, np.float32), "s": np.asarray([2, 3])})]
    [(2, 3)]
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        threads: int | None = None,
        deterministic: bool = False,
        accuracy: str = "accurate",
        precision: str = "fp32",
    ) -> None:
        constants = {tensor.name for tensor in model.graph.initializer}
        self.model, self.threads, self.precision, self._lock = model, threads, precision, Lock()
        self._options: dict[str, Any] = {"deterministic_plan": deterministic, "accuracy": accuracy}
        self.inputs = [value.name for value in model.graph.input if value.name not in constants]
        self._known: list[str] = []  # inputs that turned out to decide a shape
        self._plans: OrderedDict[Any, _Plan] = OrderedDict()
        self._prepared: Prepared | None = None

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        """Run once.

        Args:
            feed: an array per input.

        Returns:
            One array per output.

        Raises:
            CompileError: the engine cannot run the model on these inputs.
            RunError: an input is missing or wrong.
        """
        session, _ = self.plan({name: np.asarray(array) for name, array in feed.items()})
        return session.run(None, {value.name: feed[value.name] for value in session.get_inputs()})

    def plan(self, feed: Feed) -> tuple[Session, Graph]:
        """The session and the compiled graph for inputs like these."""
        with self._lock:
            found = self._adapted(feed)
            return found.session, found.graph

    def graphs(self, feed: Mapping[str, Array]) -> list[Graph]:
        """The graph compiled for inputs like these."""
        return [self.plan(dict(feed))[1]]

    def rows(self, feed: Mapping[str, Array], runs: int) -> list[dict[str, Any]]:
        """Layers as `Session.profile` gives them, or `Session.plan` when `runs` is 0."""
        session, _ = self.plan(dict(feed))
        arrays = {value.name: feed[value.name] for value in session.get_inputs()}
        return session.profile(arrays, runs) if runs else session.plan({n: a.shape for n, a in arrays.items()})

    def _adapted(self, feed: Feed) -> "_Plan":
        while True:
            try:
                return self._plan(feed)
            except UnknownValueError as error:
                fresh = [name for name in error.inputs if name not in self._known and _may_decide(feed.get(name))]
                if not fresh:
                    raise
                self._known += fresh

    def _plan(self, feed: Feed) -> "_Plan":
        known = {name: feed[name] for name in self._known if name in feed}
        shapes = {name: list(array.shape) for name, array in feed.items() if name not in known}
        key = (str(sorted(shapes.items())), *((name, array.tobytes(), array.shape) for name, array in known.items()))
        if key not in self._plans:
            self._plans[key] = self._made(self._compiled(shapes, known))
            if len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return self._plans[key]

    def _compiled(self, shapes: dict[str, list[int]], known: Feed) -> Graph:
        self._prepared = self._prepared or prepare(self.model)
        return compile_model(self._prepared, precision=self.precision, shapes=shapes, values=known)

    def _made(self, graph: Graph) -> "_Plan":
        others = list(self._plans.values())
        model = read_beside(encode(graph), [plan.model for plan in others])
        arrays = _interned(graph, {mark: array for plan in others for mark, array in plan.arrays.items()})
        return _Plan(Session(model, threads=self.threads, **self._options), graph, model, arrays)


class _Plan(NamedTuple):
    session: Session
    graph: Graph
    model: Network
    arrays: "Arrays"


Arrays = dict[tuple[Any, ...], Array]
"""The constants of a graph by dtype, shape and checksum."""


def _interned(graph: Graph, held: Arrays) -> Arrays:
    """Let `graph` hold arrays of `held` in place of its own where they are equal; its arrays then."""
    arrays: Arrays = {}
    for name, array in graph.tensors.items():
        mark = _mark(array)
        same = held.get(mark)
        if same is not None and np.array_equal(same, array):
            graph.tensors[name] = same
        arrays[mark] = graph.tensors[name]
    return arrays


def _mark(array: Array) -> tuple[Any, ...]:
    return array.dtype.str, array.shape, crc32c(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _may_decide(array: Array | None) -> bool:
    """Whether an input is small enough to be the description of a shape rather than data."""
    return array is not None and array.ndim <= 1 and array.size <= MAX_KNOWN
