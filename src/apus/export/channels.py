"""Which channels of an ONNX graph are always zero, which nobody reads, and which can only go together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, shape_inference

from apus.export.weights import Weight, attribute, find_weight

Array = NDArray[Any]
ZERO_STAYS = {"Relu", "LeakyRelu", "Elu", "Gelu", "HardSwish", "Tanh", "Erf", "Abs", "Neg", "Identity"}
ZERO_STAYS |= {"QuantizeLinear", "DequantizeLinear", "MaxPool", "AveragePool", "GlobalAveragePool", "Clip", "Min"}


@dataclass(frozen=True)
class Cut:
    """An axis of a constant that runs over channels; `rows` if it makes them."""

    constant: str
    axis: int
    channels: list[int]
    rows: bool = False


class Channels:
    """Channels are numbered; those that an addition, an activation or a depthwise layer ties together form one group.

    Args:
        model: shapes are inferred; only what is understood is marked, all else keeps its channels.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = shape_inference.infer_shapes(model).graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in self.graph.initializer}
        self.made = {output: node for node in self.graph.node for output in node.output}
        self.shapes = {v.name: _dims(v) for v in [*self.graph.value_info, *self.graph.input, *self.graph.output]}
        self.cuts: list[Cut] = []
        self.of: dict[str, tuple[int, list[int]]] = {}  # tensor → its axis of channels, and their numbers
        self.parent: list[int] = []
        self.zero: list[bool] = []
        self.fixed: set[int] = set()
        self.reads: list[tuple[int, int]] = []  # (source, result): the source is read if the result is
        self.read: set[int] = set()
        self.gone: set[int] = set()
        for node in self.graph.node:
            if not self._understood(node):
                self._keep(node.input)
        self._keep([output.name for output in self.graph.output])

    def is_zero(self, name: str) -> bool:
        """Whether a tensor is zero everywhere, whatever the input."""
        return name in self.of and all(self.zero[c] for c in self.of[name][1])

    def same_shape(self, a: str, b: str) -> bool:
        """Whether two tensors are known to have the same shape."""
        return bool(self.shapes.get(a)) and self.shapes.get(a) == self.shapes.get(b)

    def goes(self, channel: int) -> bool:
        """Whether `decide` has this channel removed."""
        return self._root(channel) in self.gone

    def left(self, name: str) -> int | None:
        """Channels of a tensor that stay; None if they are not known."""
        return sum(not self.goes(c) for c in self.of[name][1]) if name in self.of else None

    def decide(self) -> None:
        """A group goes if each of its channels is zero or unread, and none must stay; a tensor keeps at least one."""
        for source, result in reversed(self.reads):
            if result in self.read:
                self.read.add(source)
        bad = {self._root(c) for c in range(len(self.zero)) if not self.zero[c] and c in self.read}
        bad |= {self._root(c) for c in self.fixed}
        self.gone = {self._root(c) for c in range(len(self.zero))} - bad
        joined = {name for node in self.graph.node if node.op_type == "Concat" for name in self._behind(node)}
        for name, (_, channels) in self.of.items():
            if channels and not self.left(name) and name not in joined:
                self.gone.discard(self._root(channels[0]))

    def _behind(self, concat: onnx.NodeProto) -> list[str]:
        """Inputs of a concatenation that may vanish whole, and what leads to them alone."""
        if not self.left(concat.output[0]):
            return []
        names, stack = [], [name for name in concat.input if self.left(name) == 0]
        while stack:
            names.append(name := stack.pop())
            made = self.made.get(name)
            stack += [n for n in made.input if self.left(n) == 0] if made is not None else []
        return names

    def _root(self, channel: int) -> int:
        while self.parent[channel] != channel:
            self.parent[channel] = channel = self.parent[self.parent[channel]]
        return channel

    def _tie(self, a: int, b: int) -> None:
        self.parent[self._root(a)] = self._root(b)

    def _new(self, zeros: list[bool]) -> list[int]:
        start = len(self.parent)
        self.parent += range(start, start + len(zeros))
        self.zero += zeros
        return list(range(start, start + len(zeros)))

    def _keep(self, names: Any) -> None:
        for name in names:
            if name in self.of:
                self.fixed |= set(self.of[name][1])
                self.read |= set(self.of[name][1])

    def _understood(self, node: onnx.NodeProto) -> bool:
        rules = {"Conv": self._conv, "Gemm": self._matrix, "MatMul": self._matrix, "Add": self._join, "Mul": self._join}
        rules |= {"Concat": self._concat, "Flatten": self._flatten, "Reshape": self._flatten, "Gather": self._gather}
        rules |= {"Transpose": self._transpose, "ConvTranspose": self._conv_transpose} | dict.fromkeys(
            ZERO_STAYS, self._same
        )
        rule = rules.get(node.op_type)
        return rule is not None and rule(node)

    def _same(self, node: onnx.NodeProto) -> bool:
        if node.input[0] not in self.of or not self._zero_to_zero(node):
            return False
        axis, channels = self.of[node.input[0]]
        self.of[node.output[0]] = (axis, self._following(channels))
        return True

    def _following(self, channels: list[int]) -> list[int]:
        new = self._new([self.zero[c] for c in channels])
        for old, result in zip(channels, new, strict=True):
            self._tie(old, result)
            self.reads.append((old, result))
        return new

    def _zero_to_zero(self, node: onnx.NodeProto) -> bool:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            zero_point = self.constants.get(node.input[2]) if len(node.input) > 2 else np.zeros(1)
            return zero_point is not None and zero_point.size == 1 and not zero_point.astype(np.int64).any()
        if node.op_type == "Clip":
            low, high = ([*map(self.constants.get, node.input[1:]), None, None])[:2]
            return (low is None or float(low) <= 0) and (high is None or float(high) >= 0)
        if node.op_type == "Min":
            return all(
                (c := self.constants.get(n)) is not None and c.size == 1 and float(c) >= 0 for n in node.input[1:]
            )
        return True

    def _bias(self, node: onnx.NodeProto, M: int) -> Array | None:
        """Zeros without a bias; None for one that is no vector of constants."""
        if len(node.input) < 3 or not node.input[2]:
            return np.zeros(M)
        bias = self.constants.get(node.input[2])
        return bias if bias is not None and bias.shape == (M,) else None

    def _layer(self, node: onnx.NodeProto, weight: Weight, rows: int, columns: int, axes: tuple[int, int]) -> bool:
        """A layer whose weight has outputs along `rows` and inputs along `columns`; `axes` are those of x and y."""
        matrix = weight.seen()
        M = matrix.shape[rows]
        bias = self._bias(node, M)
        if bias is None:
            return False
        live = np.moveaxis(matrix != 0, rows, 0).reshape(M, -1).any(1) | (bias != 0)
        channels = self._new([not alive for alive in live])
        self.of[node.output[0]] = (axes[1], channels)
        self._cut_weight(node, weight, rows, channels)
        x = self.of.get(node.input[0])
        if x is None or x[0] != axes[0]:
            self._keep(node.input[:1])
            return True
        self.cuts.append(Cut(weight.name, weight.order[columns], x[1]))
        if weight.per_axis[0] and weight.per_axis[1] == weight.order[columns]:
            self.cuts += [Cut(name, 0, x[1]) for name in weight.per_axis[0]]
        used = np.moveaxis(matrix != 0, columns, 0).reshape(matrix.shape[columns], -1).any(1)
        self.read |= {c for c, is_read in zip(x[1], used, strict=True) if is_read}
        return True

    def _cut_weight(self, node: onnx.NodeProto, weight: Weight, rows: int, channels: list[int]) -> None:
        self.cuts.append(Cut(weight.name, weight.order[rows], channels, rows=True))
        if weight.per_axis[0] and weight.per_axis[1] == weight.order[rows]:
            self.cuts += [Cut(name, 0, channels) for name in weight.per_axis[0]]
        if len(node.input) > 2 and node.input[2]:
            self.cuts.append(Cut(node.input[2], 0, channels))

    def _conv(self, node: onnx.NodeProto) -> bool:
        weight, groups = find_weight(self.constants, self.made, node.input[1]), attribute(node, "group", 1)
        if weight is None:
            return False
        if groups == 1:
            return self._layer(node, weight, 0, 1, (1, 1))
        x, bias = self.of.get(node.input[0]), self._bias(node, weight.array.shape[0])
        if x is None or bias is None or not groups == len(x[1]) == weight.array.shape[0]:
            return False
        dead = ~(weight.seen() != 0).reshape(groups, -1).any(1)
        zeros = [(bool(d) or self.zero[c]) and not b for d, c, b in zip(dead, x[1], bias, strict=True)]
        channels = self._new(zeros)
        for old, result, is_dead in zip(x[1], channels, dead, strict=True):
            self._tie(old, result)
            if not is_dead:
                self.reads.append((old, result))
        self.of[node.output[0]] = (1, channels)
        self._cut_weight(node, weight, 0, channels)
        return True

    def _conv_transpose(self, node: onnx.NodeProto) -> bool:
        weight = find_weight(self.constants, self.made, node.input[1])
        return weight is not None and attribute(node, "group", 1) == 1 and self._layer(node, weight, 1, 0, (1, 1))

    def _matrix(self, node: onnx.NodeProto) -> bool:
        weight, rank = find_weight(self.constants, self.made, node.input[1]), len(self.shapes.get(node.input[0]) or ())
        plain = all(attribute(node, name, 1.0) == 1.0 for name in ("alpha", "beta")) and not attribute(
            node, "transA", 0
        )
        if weight is None or weight.array.ndim != 2 or not rank or not plain:
            return False
        rows = 0 if attribute(node, "transB", 0) else 1
        return self._layer(node, weight, rows, 1 - rows, (rank - 1, rank - 1))

    def _gather(self, node: onnx.NodeProto) -> bool:
        weight, rank = find_weight(self.constants, self.made, node.input[0]), len(self.shapes.get(node.output[0]) or ())
        if weight is None or weight.array.ndim != 2 or attribute(node, "axis", 0) != 0 or not rank:
            return False
        if node.input[0] in self.of or node.input[1] in self.constants:
            return False
        channels = self._new([not column for column in (weight.seen() != 0).any(0)])
        self.of[node.output[0]] = (rank - 1, channels)
        self.cuts.append(Cut(weight.name, weight.order[1], channels, rows=True))
        if weight.per_axis[0] and weight.per_axis[1] == weight.order[1]:
            self.cuts += [Cut(name, 0, channels) for name in weight.per_axis[0]]
        return True

    def _join(self, node: onnx.NodeProto) -> bool:
        a, b = node.input
        if a in self.of and b in self.of:
            return self._join_two(node, self.of[a], self.of[b])
        x, other = (a, b) if a in self.of else (b, a)
        constant = self.constants.get(other)
        if x not in self.of or constant is None:
            return False
        axis, channels = self.of[x]
        own = axis - len(self.shapes.get(x) or ()) + constant.ndim  # constants broadcast from the last axis on
        if constant.size not in (1, len(channels)) or (constant.size > 1 and not 0 <= own < constant.ndim):
            return False
        if constant.size > 1 and constant.shape[own] != len(channels):
            return False
        values = np.broadcast_to(constant.reshape(-1), len(channels))
        new = self._following(channels)
        if node.op_type == "Add":
            for channel, value in zip(new, values, strict=True):
                self.zero[channel] = self.zero[channel] and value == 0
        if constant.size > 1:
            self.cuts.append(Cut(other, own, new))
        self.of[node.output[0]] = (axis, new)
        return True

    def _join_two(self, node: onnx.NodeProto, a: tuple[int, list[int]], b: tuple[int, list[int]]) -> bool:
        if a[0] != b[0] or len(a[1]) != len(b[1]) or not self.same_shape(*node.input):
            return False
        new = self._following(a[1])
        for i, (channel, other) in enumerate(zip(new, b[1], strict=True)):
            self._tie(other, channel)
            self.reads.append((other, channel))
            both = (self.zero[a[1][i]], self.zero[other])
            self.zero[channel] = all(both) if node.op_type == "Add" else any(both)
        self.of[node.output[0]] = (a[0], new)
        return True

    def _concat(self, node: onnx.NodeProto) -> bool:
        parts = [self.of.get(name) for name in node.input]
        rank = len(self.shapes.get(node.output[0]) or ())
        axis = attribute(node, "axis", 0) % rank if rank else None
        if any(part is None or part[0] != axis for part in parts):
            return False
        self.of[node.output[0]] = (int(axis or 0), [c for part in parts if part for c in self._following(part[1])])
        return True

    def _flatten(self, node: onnx.NodeProto) -> bool:
        """(B, C, H, W) → (B, C·H·W): each channel becomes H·W of them."""
        x, source, target = self.of.get(node.input[0]), self.shapes.get(node.input[0]), self.shapes.get(node.output[0])
        if x is None or not source or not target or len(target) != 2 or x[0] != 1 or source[0] != target[0]:
            return False
        if not all(isinstance(d, int) for d in source[1:]) or attribute(node, "axis", 1) != 1:
            return False
        if node.op_type == "Reshape" and node.input[1] not in self.constants:
            return False
        each = int(np.prod(source[2:]))  # type: ignore[arg-type] # checked above
        self.of[node.output[0]] = (1, [c for channel in self._following(x[1]) for c in [channel] * each])
        return True

    def _transpose(self, node: onnx.NodeProto) -> bool:
        if node.input[0] not in self.of:
            return node.input[0] not in self.of and find_weight(self.constants, self.made, node.output[0]) is not None
        axis, channels = self.of[node.input[0]]
        perm = attribute(node, "perm", list(range(len(self.shapes[node.input[0]])))[::-1])
        self.of[node.output[0]] = (perm.index(axis), self._following(channels))
        return True


def _dims(value: onnx.ValueInfoProto) -> list[int | str]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
