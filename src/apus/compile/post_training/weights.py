"""Weights of Conv, Gemm and MatMul seen alike: one row per output channel."""

import numpy as np
import onnx_ir as ir

from apus.compile.post_training.ranges import Array


def weight_of(layer: ir.Node) -> Array:
    """The constant weight, in the model's layout."""
    return _constant(layer, 1)


def bias_of(layer: ir.Node) -> Array | None:
    """The bias, shape (M,), or None; a Gemm's may be a scalar or have a leading 1, a MatMul's is added behind it."""
    holder, index = bias_holder(layer)
    if len(holder.inputs) <= index or holder.inputs[index] is None:
        return None
    return np.broadcast_to(_constant(holder, index).reshape(-1), (as_rows(layer, weight_of(layer)).shape[0],))


def _constant(layer: ir.Node, index: int) -> Array:
    value = layer.inputs[index]
    assert value is not None and value.const_value is not None, (layer.name, index)
    return value.const_value.numpy()


def channel_axis(layer: ir.Node) -> int:
    """The axis of the weight that counts output channels."""
    if layer.op_type == "Conv":
        return 0
    transposed = layer.op_type == "Gemm" and bool(_attribute(layer, "transB"))
    return 0 if transposed else weight_of(layer).ndim - 1


def _attribute(layer: ir.Node, name: str) -> int:
    found = layer.attributes.get(name)
    return found.as_int() if found is not None else 0


def as_rows(layer: ir.Node, weight: Array) -> Array:
    """The weight as (M, K)."""
    axis = channel_axis(layer)
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def from_rows(layer: ir.Node, rows: Array, shape: tuple[int, ...]) -> Array:
    """The inverse of `as_rows`, contiguous."""
    axis = channel_axis(layer)
    moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), 0, axis))


def replace_constant(node: ir.Node, index: int, array: Array) -> None:
    """Give `node` a new constant at `index`, under a name of its own, so that other users keep theirs."""
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    name = f"{node.outputs[0].name}.constant{index}"
    while name in graph.initializers:
        name += "_"
    value = ir.val(name, ir.DataType.FLOAT, list(array.shape), const_value=ir.tensor(array, name=name))
    graph.initializers.add(value)
    if index >= len(node.inputs):
        node.resize_inputs(index + 1)
    node.replace_input_with(index, value)


def bias_holder(layer: ir.Node) -> tuple[ir.Node, int]:
    """Node and input that hold the bias: the layer itself, or the Add of a constant right behind a MatMul."""
    if layer.op_type != "MatMul":
        return layer, 2
    add = added_bias(layer)
    if add is None:
        return layer, 2
    return add, 1 if add.inputs[0] is layer.outputs[0] else 0


def added_bias(layer: ir.Node) -> ir.Node | None:
    """The Add of a constant vector right behind a MatMul, which is its bias."""
    users = list(layer.outputs[0].uses()) if layer.op_type == "MatMul" and _shape(layer) else []
    if len(users) != 1 or layer.outputs[0].is_graph_output():
        return None
    add, index = users[0]
    other = add.inputs[1 - index] if add.op_type == "Add" else None
    if other is None or not other.is_initializer() or other.const_value is None:
        return None
    return add if other.const_value.numpy().size == _shape(layer)[-1] else None


def _shape(layer: ir.Node) -> tuple[int, ...]:
    """Shape of the weight, quantised already or not."""
    weight = layer.inputs[1]
    restore = weight.producer() if weight is not None else None
    stored = weight if restore is None else restore.inputs[0]
    return () if stored is None or stored.const_value is None else tuple(stored.const_value.numpy().shape)


def is_bias_add(node: ir.Node) -> bool:
    """Whether `node` adds the bias of the MatMul before it."""
    sources = [value.producer() for value in node.inputs if value is not None] if node.op_type == "Add" else []
    return any(source is not None and source.op_type == "MatMul" and added_bias(source) is node for source in sources)
