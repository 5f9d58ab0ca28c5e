"""The network inside an `.apus` file, as plain data (SPEC.md §2)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Dim = int | str
Array = NDArray[Any]


@dataclass
class Value:
    """An activation: dtype and shape, and how bytes map to reals when it is quantised.

    Attributes:
        dtype: `float32 uint8 int8 int32 int64 bool`.
        shape: integers ≥ 0, or symbols.
        scale: finite, > 0; only for a quantised uint8 value, real = scale · (q − zero_point).
        zero_point: 0..255, beside `scale`.
    """

    dtype: str
    shape: list[Dim]
    scale: float | None = None
    zero_point: int | None = None

    @property
    def quantised(self) -> bool:
        """Whether bytes stand for reals by `scale` and `zero_point`."""
        return self.scale is not None


@dataclass
class Node:
    """One operation of SPEC.md §5; `inputs` name values or tensors, `tensors` gives constants by role."""

    op: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, str] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """The one output that every operation has."""
        return self.outputs[0]


@dataclass
class Segment:
    """A part of a network that is a file of its own (SPEC.md §7).

    Attributes:
        engine: `apus` or `onnxruntime`.
        inputs: values that it reads.
        outputs: values that it makes.
        data: the part: a whole `.apus` file, or an ONNX model, which no reader here looks into.
        nodes: ONNX nodes in it.
        why: this engine.
    """

    engine: str
    inputs: list[str]
    outputs: list[str]
    data: bytes
    nodes: int = 0
    why: str = ""


@dataclass
class Graph:
    """A network: wiring by name, constants as arrays.

    >>> graph = Graph("g", ["x"], ["y"])
    >>> graph.values = {"x": Value("float32", ["N", 2]), "y": Value("float32", ["N", 2])}
    >>> graph.nodes = [Node("unary", "act", ["x"], ["y"], {"function": "relu"})]
    >>> [node.op for node in graph.nodes]
    ['unary']
    """

    name: str
    inputs: list[str]
    outputs: list[str]
    values: dict[str, Value] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Array] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)

    def tensor(self, node: Node, role: str) -> Array:
        """The constant that `node` uses in `role`; KeyError if it has none."""
        return self.tensors[node.tensors[role]]

    def used_tensors(self) -> Iterator[str]:
        """Names of the constants in order of first use, each once."""
        seen: set[str] = set()
        for node in self.nodes:
            for name in [*node.inputs, *(node.tensors[role] for role in sorted(node.tensors))]:
                if name in self.tensors and name not in seen:
                    seen.add(name)
                    yield name
