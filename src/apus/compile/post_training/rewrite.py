"""Write quantisation into the graph: QuantizeLinear and DequantizeLinear around activations, weights and biases."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from apus.compile.post_training.choose import Choice, data_inputs
from apus.compile.post_training.ranges import Array, activation_parameters, weight_scales
from apus.compile.post_training.weights import as_rows, bias_of, channel_axis, from_rows, is_bias_add, weight_of

Parameters = Mapping[ir.Value, tuple[np.float32, np.uint8]]


def write_qdq(graph: ir.Graph, choice: Choice, parameters: Parameters, scales: Mapping[ir.Node, Array]) -> None:
    """Insert the pairs, in place.

    Args:
        graph: prepared, fp32.
        choice: what is quantised.
        parameters: scale and zero point of each activation of `choice.values`.
        scales: scale per output channel of each layer.
    """
    for follower in choice.followers:
        if not is_bias_add(follower):  # that constant is a float bias
            _write_constants(graph, follower)
    for layer in choice.layers:
        source = layer.inputs[0]
        assert source is not None
        _write_bias(graph, layer, np.float32(parameters[source][0]), scales[layer])
        _write_weight(graph, layer, scales[layer])
    for value in choice.values:
        _write_activation(graph, value, *parameters[value])


def _write_weight(graph: ir.Graph, layer: ir.Node, scales: Array) -> None:
    rows = as_rows(layer, weight_of(layer))
    integers = np.clip(np.rint(rows / scales[:, None]), -127, 127).astype(np.int8)
    stored = from_rows(layer, integers, weight_of(layer).shape)
    weight = layer.inputs[1]
    assert weight is not None
    zero = np.zeros(len(scales), np.int8)
    _dequantise(graph, layer, 1, f"{layer.name}.{weight.name}", stored, scales, zero, channel_axis(layer))


def _write_bias(graph: ir.Graph, layer: ir.Node, source_scale: np.float32, scales: Array) -> None:
    bias = bias_of(layer)
    if bias is None or layer.op_type == "MatMul":
        return
    steps = (source_scale * scales).astype(np.float32)
    integers = np.clip(np.rint(bias / steps.astype(np.float64)), -(2**30), 2**30).astype(np.int32)
    _dequantise(graph, layer, 2, f"{layer.name}.bias", integers, steps, np.zeros(len(steps), np.int32), 0)


def _write_constants(graph: ir.Graph, node: ir.Node) -> None:
    """A constant beside an activation, such as the scale of a gate, takes 256 steps of its own."""
    for index, value in enumerate(data_inputs(node)):
        if value.is_initializer() and value.const_value is not None and value.dtype == ir.DataType.FLOAT:
            array = value.const_value.numpy()
            low, high = min(float(array.min()), 0.0), max(float(array.max()), 0.0)
            scale, zero_point = activation_parameters(low, high)
            integers = np.clip(np.rint(array / scale) + zero_point, 0, 255).astype(np.uint8)
            name = f"{node.name}.{value.name}"
            _dequantise(graph, node, index, name, integers, np.asarray(scale), np.asarray(zero_point), None)


def _write_activation(graph: ir.Graph, value: ir.Value, scale: np.float32, zero_point: np.uint8) -> None:
    users, at = list(value.uses()), value.producer()
    name, is_output = str(value.name), value.is_graph_output()
    constants = [
        _constant(graph, f"{name}.scale", np.asarray(scale)),
        _constant(graph, f"{name}.zero_point", np.asarray(zero_point)),
    ]
    quantised = ir.node("QuantizeLinear", [value, *constants], name=f"{name}.quantize")
    quantised.outputs[0].name = f"{name}.quantized"
    restored = ir.node("DequantizeLinear", [quantised.outputs[0], *constants], name=f"{name}.dequantize")
    result = restored.outputs[0]
    result.name, result.type, result.shape = f"{name}.dequantized", value.type, value.shape
    if at is None:
        graph.insert_before(graph[0], [quantised, restored])
    else:
        graph.insert_after(at, [quantised, restored])
    for user, index in users:
        user.replace_input_with(index, result)
    if is_output:  # the model's output keeps its name
        value.name, result.name = f"{name}.float", name
        graph.outputs[list(graph.outputs).index(value)] = result


def _dequantise(
    graph: ir.Graph,
    node: ir.Node,
    index: int,
    name: str,
    integers: Array,
    scale: Array,
    zero_point: Array,
    axis: int | None,
) -> None:
    """Feed `node` a stored constant through a DequantizeLinear of its own."""
    parts = {"quantized": integers, "scale": scale.astype(np.float32), "zero_point": zero_point}
    inputs = [_constant(graph, f"{name}.{part}", array) for part, array in parts.items()]
    restore = ir.node("DequantizeLinear", inputs, {} if axis is None else {"axis": axis}, name=f"{name}.dequantize")
    restore.outputs[0].name = f"{name}.dequantized"
    graph.insert_before(node, restore)
    if index >= len(node.inputs):
        node.resize_inputs(index + 1)
    node.replace_input_with(index, restore.outputs[0])


def _constant(graph: ir.Graph, name: str, array: Array) -> ir.Value:
    tensor = ir.tensor(array, name=name)
    value = ir.val(name, ir.DataType(tensor.dtype), list(array.shape), const_value=tensor)
    graph.initializers.add(value)
    return value


def layer_scales(choice: Choice, method: str) -> dict[ir.Node, Array]:
    """Scale per output channel of each layer."""
    return {
        layer: weight_scales(as_rows(layer, weight_of(layer)), "mse" if method == "mse" else "minmax")
        for layer in choice.layers
    }
