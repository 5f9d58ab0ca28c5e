"""Bias correction: rounding weights and inputs shifts the mean of each output channel; the bias takes it back.

Source: Nagel et al. 2019 (1906.04721), §4.2, eq. 16, with the expectation taken over calibration data instead of
batch-normalisation statistics. Each layer is measured on its float input, rounded as it will be, all in one run.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from apus.compile.post_training.calibration import Feed, show
from apus.compile.post_training.choose import Choice
from apus.compile.post_training.ranges import Array
from apus.compile.post_training.rewrite import Parameters
from apus.compile.post_training.weights import (
    as_rows,
    bias_holder,
    bias_of,
    from_rows,
    replace_constant,
    weight_of,
)


def correct_biases(
    model: ir.Model, choice: Choice, parameters: Parameters, scales: Mapping[ir.Node, Array], feeds: Sequence[Feed]
) -> None:
    """Shift the float biases of `model`, in place.

    Args:
        model: prepared, fp32.
        choice: what will be quantised.
        parameters: scale and zero point of each activation.
        scales: scale per output channel of each layer.
        feeds: calibration batches.
    """
    layers = [layer for layer in choice.layers if layer.op_type != "MatMul" or bias_of(layer) is not None]
    if not layers:
        return
    shifts = _mean_errors(model, layers, parameters, scales, feeds)
    for layer, shift in zip(layers, shifts, strict=True):
        holder, index = bias_holder(layer)
        bias = bias_of(layer)
        replace_constant(holder, index, ((0.0 if bias is None else bias) - shift).astype(np.float32))


def _mean_errors(
    model: ir.Model,
    layers: Sequence[ir.Node],
    parameters: Parameters,
    scales: Mapping[ir.Node, Array],
    feeds: Sequence[Feed],
) -> list[Array]:
    """Mean over calibration of rounded minus float output, per layer, shape (M,)."""
    before = [str(layer.outputs[0].name) for layer in layers]
    branches = [_branch(model.graph, layer, parameters, scales[layer]) for layer in layers]
    run = show(model, before + [str(branch[-1].outputs[0].name) for branch in branches])
    sums: list[Array] = [np.zeros(1)] * len(layers)
    for feed in feeds:
        outputs = run(feed)
        for place, layer in enumerate(layers):
            sums[place] = sums[place] + _channel_mean(layer, outputs[place + len(layers)] - outputs[place])
    for branch in reversed(branches):
        model.graph.remove(list(reversed(branch)), safe=True)
    return [total / len(feeds) for total in sums]


def _branch(graph: ir.Graph, layer: ir.Node, parameters: Parameters, scales: Array) -> list[ir.Node]:
    """The layer again beside itself, with its input and weight rounded."""
    source, stem = layer.inputs[0], f"{layer.outputs[0].name}.rounded"
    assert source is not None
    rows = as_rows(layer, weight_of(layer))
    rounded = np.clip(np.rint(rows / scales[:, None]), -127, 127) * scales[:, None]
    weight = _initializer(graph, f"{stem}.weight", from_rows(layer, rounded.astype(np.float32), weight_of(layer).shape))
    scale, zero_point = parameters[source]
    pair = [_initializer(graph, f"{stem}.{name}", np.asarray(x)) for name, x in (("s", scale), ("z", zero_point))]
    quantise = ir.node("QuantizeLinear", [source, *pair])
    restore = ir.node("DequantizeLinear", [quantise.outputs[0], *pair])
    again = ir.Node("", layer.op_type, [restore.outputs[0], weight, *layer.inputs[2:]], layer.attributes.values())
    for node, name in ((quantise, "q"), (restore, "x"), (again, "y")):
        node.name = node.outputs[0].name = f"{stem}.{name}"
    graph.insert_after(layer, [quantise, restore, again])
    return [quantise, restore, again]


def _initializer(graph: ir.Graph, name: str, array: Array) -> ir.Value:
    tensor = ir.tensor(array, name=name)
    value = ir.val(name, ir.DataType(tensor.dtype), list(array.shape), const_value=tensor)
    graph.initializers[name] = value
    return value


def _channel_mean(layer: ir.Node, error: Array) -> Array:
    axis = 1 if layer.op_type == "Conv" else error.ndim - 1
    mean: Array = error.mean(axis=tuple(a for a in range(error.ndim) if a != axis), dtype=np.float64)
    return mean
