"""What is known while an ONNX graph is walked: constants, symbolic shapes, and the graph built so far."""

from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import onnx_ir as ir

from apus.artifact import Array, Dim, Graph, Node, Value
from apus.compile.draft import add_tensor, make_node
from apus.errors import CompileError


@dataclass(frozen=True)
class QuantisedConstant:
    """What DequantizeLinear of a constant stands for: real = scale · (integers − zero_point), along `axis`."""

    integers: Array
    scale: Array  # rank 0, or 1 along `axis`
    zero_point: Array
    axis: int

    def _along_axis(self, parameter: Array) -> Array:
        if parameter.ndim == 0:
            return parameter
        shape = [1] * self.integers.ndim
        shape[self.axis] = -1
        return parameter.reshape(shape)

    def real(self) -> Array:
        """The constant as float32, computed as ONNX does."""
        centred = self.integers.astype(np.int32) - self._along_axis(self.zero_point.astype(np.int32))
        return np.asarray(centred.astype(np.float32) * self._along_axis(self.scale), np.float32)

    def int8(self) -> Array | None:
        """Integers with the zero point taken off, if they fit int8."""
        centred = self.integers.astype(np.int32) - self._along_axis(self.zero_point.astype(np.int32))
        fits = not centred.size or (centred.min() >= -128 and centred.max() <= 127)
        return centred.astype(np.int8) if fits else None

    def transpose(self, perm: list[int]) -> "QuantisedConstant":
        """The same constant with its dimensions permuted."""
        axis = perm.index(self.axis % self.integers.ndim) if self.scale.ndim else 0
        return QuantisedConstant(self.integers.transpose(perm), self.scale, self.zero_point, axis)


@dataclass
class Context:
    """State of one lowering.

    Attributes:
        graph: what has been built.
        file: for messages.
        opset: version of the standard's operators.
        constants: arrays known now, by ONNX name; object arrays of Dim where a shape is symbolic.
        quantised: constants behind a DequantizeLinear.
        names: ONNX name → value of `graph`.
    """

    graph: Graph
    file: str
    opset: int
    constants: dict[str, Array] = field(default_factory=dict)
    quantised: dict[str, QuantisedConstant] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def known(self, name: str) -> bool:
        """Whether `name` is a number array now (no symbols in it)."""
        return name in self.quantised or (name in self.constants and self.constants[name].dtype != object)

    def constant(self, name: str) -> Array:
        """The array `name` stands for."""
        return self.quantised[name].real() if name in self.quantised else self.constants[name]

    def shape(self, name: str) -> list[Dim]:
        """Shape of an ONNX value, constant or not."""
        if name in self.names:
            return list(self.graph.values[self.names[name]].shape)
        return list((self.quantised[name].integers if name in self.quantised else self.constants[name]).shape)


class Call:
    """One ONNX node being lowered: its operands by position, its attributes, and ways to emit nodes."""

    def __init__(self, context: Context, node: ir.Node) -> None:
        self.context, self.node, self.graph = context, node, context.graph
        self.inputs = ["" if value is None else str(value.name) for value in node.inputs]
        self.outputs = [str(value.name) for value in node.outputs]

    def refuse(self, why: str) -> NoReturn:
        """Raise CompileError with file, operator and node."""
        raise CompileError(f"{self.context.file}: {self.node.op_type} node {self.node.name!r}: {why}")

    def has(self, index: int) -> bool:
        """Whether the optional input `index` is there."""
        return index < len(self.inputs) and self.inputs[index] != ""

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute as a Python value (lists for lists)."""
        found = self.node.attributes.get(name)
        if found is None:
            return default
        value = found.value
        return list(value) if found.type in (ir.AttributeType.INTS, ir.AttributeType.FLOATS) else value

    def is_constant(self, index: int) -> bool:
        """Whether input `index` is there and known now."""
        return self.has(index) and self.context.known(self.inputs[index])

    def constant(self, index: int, default: Any = None) -> Array:
        """Input `index` as an array; `default` where it is absent."""
        if not self.has(index):
            return np.asarray(default)
        if not self.is_constant(index):
            self.refuse(f"input {self.inputs[index]!r} must be a constant")
        return self.context.constant(self.inputs[index])

    def setting(self, name: str, index: int, default: Any = None) -> Any:
        """What older ONNX gives as attribute `name` and newer as input `index`."""
        if self.has(index):
            return self.constant(index).tolist()
        return self.attribute(name, default)

    def shape(self, index: int = 0) -> list[Dim]:
        """Shape of input `index`."""
        return self.context.shape(self.inputs[index])

    def value(self, index: int = 0) -> str:
        """Name of the graph's value for input `index`."""
        name = self.inputs[index]
        if name not in self.context.names:
            self.refuse(f"input {name!r} is a constant where an activation is needed")
        return self.context.names[name]

    def operand(self, index: int) -> str:
        """Value of input `index`, or a float32 tensor if it is a constant."""
        if self.is_constant(index):
            return self.tensor(self.constant(index), self.inputs[index])
        return self.value(index)

    def tensor(self, array: Array | float, stem: str | None = None) -> str:
        """Keep a float32 constant in the graph; returns its name."""
        return add_tensor(self.graph, stem or f"{self.outputs[0]}.constant", np.asarray(array, np.float32))

    def emit(
        self,
        op: str,
        inputs: list[str],
        attributes: dict[str, Any] | None = None,
        tensors: dict[str, str] | None = None,
        like: Value | None = None,
    ) -> str:
        """Append a node; returns its output's name."""
        name, stem = str(self.node.name), f"{self.outputs[0]}.{op}"  # the last one gets the ONNX name afterwards
        try:
            made: Node = make_node(self.graph, op, inputs, attributes, name=name, output=stem, like=like)
        except (ValueError, IndexError) as error:
            self.refuse(str(error))
        made.tensors = tensors or {}
        self.graph.nodes.append(made)
        return made.output

    def unary(self, x: str, function: str, **attributes: Any) -> str:
        """Emit an element-wise function of `x`."""
        return self.emit("unary", [x], {"function": function, **attributes})

    def binary(self, a: str, b: str, function: str) -> str:
        """Emit a broadcasting operation of two operands."""
        return self.emit("binary", [a, b], {"function": function})
