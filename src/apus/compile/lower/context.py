"""What is known while an ONNX graph is walked: constants, symbolic shapes, and the graph built so far."""

from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import onnx_ir as ir

from apus.artifact import Array, Dim, Graph, Node, Value
from apus.artifact.operators import BINARY, DTYPES, ELEMENTWISE, UNARY
from apus.compile.draft import add_tensor, make_node
from apus.errors import CompileError, UnknownValueError

_FAST = frozenset(["conv", "linear", "binary", "unary", "max_pool", "avg_pool", "softmax", "layer_norm", "attention"])
_PLAIN = frozenset(
    [
        "elementwise",
        "gather",
        "gather_elements",
        "gather_nd",
        "scatter_elements",
        "scatter_nd",
        "arg",
        "cumulative",
        "top_k",
        "matmul",
    ]
)


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
        halves: ONNX names that are float16 in the model, but float32 here: nothing is computed in float16.
        sources: ONNX name → graph inputs whose elements (not only shapes) it depends on.
    """

    graph: Graph
    file: str
    opset: int
    constants: dict[str, Array] = field(default_factory=dict)
    quantised: dict[str, QuantisedConstant] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    halves: set[str] = field(default_factory=set)
    sources: dict[str, set[str]] = field(default_factory=dict)

    def is_half(self, name: str) -> bool:
        """Whether `name` is float16 in the model."""
        return name in self.halves or (name in self.constants and self.constants[name].dtype == np.float16)

    def known(self, name: str) -> bool:
        """Whether `name` is a number array now (no symbols in it)."""
        return name in self.quantised or (name in self.constants and self.constants[name].dtype != object)

    def constant(self, name: str) -> Array:
        """The array `name` stands for."""
        return self.quantised[name].real() if name in self.quantised else self.constants[name]

    def widened(self, name: str) -> Array:
        """The array `name` stands for; float16, in which nothing is computed, as float32."""
        array = self.constant(name)
        return array.astype(np.float32) if array.dtype == np.float16 else array

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
        raise CompileError(self.complaint(why))

    def need(self, index: int) -> NoReturn:
        """Raise UnknownValueError: input `index` must be known now."""
        name = self.inputs[index]
        why = self.complaint(f"input {name!r} must be a constant, since a shape depends on it")
        raise UnknownValueError(why, name, sorted(self.context.sources.get(name, set())))

    def complaint(self, why: str) -> str:
        """A message with file, operator and node."""
        return f"{self.context.file}: {self.node.op_type} node {self.node.name!r}: {why}"

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
            self.need(index)
        return self.context.widened(self.inputs[index])

    def setting(self, name: str, index: int, default: Any = None) -> Any:
        """What older ONNX gives as attribute `name` and newer as input `index`."""
        if self.has(index):
            return self.constant(index).tolist()
        return self.attribute(name, default)

    def shape(self, index: int = 0) -> list[Dim]:
        """Shape of input `index`."""
        return self.context.shape(self.inputs[index])

    def value(self, index: int = 0) -> str:
        """Name of the graph's value for input `index`; a constant becomes one."""
        name = self.inputs[index]
        if name not in self.context.names:
            if not self.context.known(name):
                self.refuse(f"input {name!r} is a shape with symbols, or nothing makes it: pass shapes=")
            return self.emit("elementwise", [self.operand(index)], {"function": "copy"})
        return self.context.names[name]

    def operand(self, index: int) -> str:
        """Value of input `index`, or a tensor of its dtype if it is a constant."""
        if self.is_constant(index):
            return self.keep(self.constant(index), self.inputs[index])
        return self.value(index)

    def dtype(self, index: int = 0) -> str:
        """Dtype of input `index`."""
        if self.is_constant(index):
            return str(self.constant(index).dtype.name)
        return self.graph.values[self.value(index)].dtype

    def keep(self, array: Array, stem: str | None = None) -> str:
        """Keep a constant in the graph as it is; returns its name."""
        if array.dtype.name not in DTYPES:
            self.refuse(f"constant {stem or ''!r} is {array.dtype.name}; {' '.join(sorted(DTYPES))} are supported")
        return add_tensor(self.graph, stem or f"{self.outputs[0]}.constant", array)

    def dims(self, index: int = 0) -> list[int]:
        """Shape of input `index`, which must be fixed."""
        return self.fixed(self.shape(index))

    def fixed(self, shape: list[Dim]) -> list[int]:
        """`shape` without symbols, or a refusal."""
        symbols = [d for d in shape if isinstance(d, str)]
        if symbols:
            self.refuse(f"dimension {symbols[0]!r} is symbolic and must be fixed here: pass shapes= (--shape)")
        return [int(d) for d in shape]

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
        self._check(op, inputs)
        name, stem = str(self.node.name), f"{self.outputs[0]}.{op}"  # the last one gets the ONNX name afterwards
        try:
            made: Node = make_node(self.graph, op, inputs, attributes, name=name, output=stem, like=like)
        except (ValueError, IndexError) as error:
            self.refuse(str(error))
        made.tensors = tensors or {}
        self.graph.nodes.append(made)
        return made.output

    def _check(self, op: str, inputs: list[str]) -> None:
        """Refuse what the artifact's rules would refuse later, while the node is known."""
        for value in (self.graph.values[name] for name in inputs if name in self.graph.values):
            if op in _FAST and value.dtype != "float32" and not value.quantised:
                self.refuse(f"its input is {value.dtype}; only float32 is supported")
            if op in _PLAIN and value.quantised:
                self.refuse("its input is quantised; only plain numbers are supported")

    def dtype_of(self, name: str) -> str:
        """Dtype of a value or tensor of the graph."""
        if name in self.graph.values:
            return self.graph.values[name].dtype
        return str(self.graph.tensors[name].dtype.name)

    def apply(self, function: str, *operands: str) -> str:
        """A function of one to three operands of any dtype, broadcast; by the float32 operations where they have it."""
        for name in operands:
            if name in self.graph.values and self.graph.values[name].quantised:
                self.refuse("its input is quantised; it takes plain numbers")
        dtype = self.dtype_of(operands[-1])
        if any(self.dtype_of(name) != dtype for name in operands[function == "where" :]):
            self.refuse(f"its inputs are {', '.join(map(self.dtype_of, operands))}; one dtype for all is supported")
        values = any(name in self.graph.values for name in operands)
        if dtype == "float32" and values and function in (UNARY if len(operands) == 1 else BINARY):
            return self.emit("unary" if len(operands) == 1 else "binary", list(operands), {"function": function})
        row = ELEMENTWISE.get(function)
        if row is None or dtype not in row.dtypes:
            self.refuse(f"its input is {dtype}; {function} takes {' '.join(sorted(row.dtypes)) if row else 'float32'}")
        like = Value("bool" if row.boolean else dtype, [])
        return self.emit("elementwise", list(operands), {"function": function}, like=like)

    def cast(self, x: str, dtype: str) -> str:
        """`x` as another dtype."""
        if self.dtype_of(x) == dtype:
            return x
        if x in self.graph.tensors:
            return self.keep(self.graph.tensors[x].astype(dtype))
        return self.emit("cast", [x], like=Value(dtype, []))

    def permute(self, x: str, perm: list[int]) -> str:
        """`x` with its dimensions in another order."""
        return x if perm == list(range(len(perm))) else self.emit("transpose", [x], {"perm": perm})

    def reshape(self, x: str, shape: list[int]) -> str:
        """`x` in a fixed shape."""
        return self.emit("reshape", [x], {"shape": [int(d) for d in shape]})

    def gather(self, x: str, indices: Array | list[int], axis: int) -> str:
        """Places `indices` of `x` along `axis`."""
        known = self.keep(np.asarray(indices, np.int64))
        return self.emit("gather", [x, known], {"axis": axis})

    def fold(self, x: str, function: str, axes: list[int], keepdims: int = 1) -> str:
        """Reduce `x` along `axes`."""
        return self.emit("reduce", [x], {"function": function, "axes": axes, "keepdims": keepdims})

    def unary(self, x: str, function: str, **attributes: Any) -> str:
        """Emit an element-wise function of `x`."""
        return self.emit("unary", [x], {"function": function, **attributes})

    def binary(self, a: str, b: str, function: str) -> str:
        """Emit a broadcasting operation of two operands."""
        return self.emit("binary", [a, b], {"function": function})
