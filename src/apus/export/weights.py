"""Constant weights of an ONNX graph, as the layer that reads them sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Weight:
    """A constant matrix as its reader sees it: `order[axis seen]` is the constant's own axis."""

    array: Array
    name: str
    order: list[int]
    per_axis: tuple[tuple[str, ...], int] = ((), 0)

    def seen(self) -> Array:
        return self.array.transpose(self.order)


def find_weight(constants: Mapping[str, Array], made: Mapping[str, onnx.NodeProto], name: str) -> Weight | None:
    """A constant, itself or through DequantizeLinear (with zero points of 0) and Transpose; None for anything else.

    Args:
        constants: by name.
        made: tensor → the node that makes it.
        name: of the tensor that a layer reads.

    Returns:
        The constant, its axes in the reader's order, and the parameters that run along one of them.
    """
    if name in constants:
        return Weight(constants[name], name, list(range(constants[name].ndim)))
    node = made.get(name)
    if node is None or node.op_type not in ("DequantizeLinear", "Transpose"):
        return None
    source = find_weight(constants, made, node.input[0])
    if source is None:
        return None
    if node.op_type == "Transpose":
        perm = attribute(node, "perm", list(range(source.array.ndim))[::-1])
        return Weight(source.array, source.name, [source.order[p] for p in perm], source.per_axis)
    if source.per_axis[0] or (len(node.input) > 2 and constants[node.input[2]].astype(np.int64).any()):
        return None
    per = tuple(n for n in node.input[1:] if constants[n].ndim)
    axis = source.order[attribute(node, "axis", 1) % source.array.ndim] if per else 0
    return Weight(source.array, source.name, source.order, (per, axis))


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    """An attribute of a node, or its default."""
    found = [onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name]
    return found[0] if found else default
