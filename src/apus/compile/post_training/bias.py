"""Bias correction: rounding weights and inputs shifts the mean of each output channel; the bias takes it back.

Source: Nagel et al. 2019 (1906.04721), §4.2 and appendix D: layer by layer in the order of the network, on calibration
data, each layer fed by the layers before it as they will run, already corrected. (Correcting every layer on its float
input at once is cheaper, and was measured to do harm: it leaves the shift that ReLU makes of rounding.)
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from apus.compile.post_training.calibration import Feed, show
from apus.compile.post_training.ranges import Array
from apus.compile.post_training.weights import as_rows, bias_holder, bias_of, replace_constant, weight_of

SAMPLES = 256
"""Enough for a mean; each layer runs the network up to itself once more."""


def add_missing_biases(layers: Sequence[ir.Node]) -> None:
    """Give each Conv and Gemm without a bias one of zeros, in place, so that there is something to correct."""
    for layer in layers:
        if layer.op_type != "MatMul" and bias_of(layer) is None:
            replace_constant(layer, 2, np.zeros(as_rows(layer, weight_of(layer)).shape[0], np.float32))


def output_means(model: ir.Model, layers: Sequence[ir.Node], feeds: Sequence[Feed]) -> list[Array]:
    """Mean output of each layer over calibration, per channel, shape (M,).

    Args:
        model: that holds `layers`.
        layers: of one graph.
        feeds: calibration batches; the first `SAMPLES` samples are used.

    Returns:
        One array per layer.
    """
    run, sums, total = show(model, [str(layer.outputs[0].name) for layer in layers]), [np.zeros(1)] * len(layers), 0
    for feed in feeds:
        samples = len(next(iter(feed.values())))
        means = [_channel_mean(layer, output) for layer, output in zip(layers, run(feed), strict=True)]
        sums = [before + samples * mean for before, mean in zip(sums, means, strict=True)]
        total += samples
        if total >= SAMPLES:
            break
    return [each / total for each in sums]


def correct_biases(model: ir.Model, layers: Sequence[ir.Node], wanted: Sequence[Array], feeds: Sequence[Feed]) -> None:
    """Shift the biases of the quantised `model`, in place, first layer first.

    Args:
        model: with QDQ written.
        layers: its int8 layers, in topological order.
        wanted: mean output of each in the float model, as `output_means` gave it.
        feeds: calibration batches.
    """
    for layer, mean in zip(layers, wanted, strict=True):
        holder, index = bias_holder(layer)
        bias = holder.inputs[index] if index < len(holder.inputs) else None
        if bias is None:  # a MatMul with no bias behind it
            continue
        (found,) = output_means(model, [layer], feeds)
        _shift(holder, index, bias, mean - found)


def _shift(holder: ir.Node, index: int, bias: ir.Value, shift: Array) -> None:
    restore = bias.producer()
    if restore is None:  # a float bias, behind a MatMul
        assert bias.const_value is not None
        replace_constant(holder, index, (bias.const_value.numpy() + shift).astype(np.float32))
        return
    integers, steps = restore.inputs[0], restore.inputs[1]
    assert integers is not None and steps is not None and integers.const_value and steps.const_value
    moved = integers.const_value.numpy() + np.rint(shift / steps.const_value.numpy().astype(np.float64))
    integers.const_value = ir.tensor(moved.clip(-(2**30), 2**30).astype(np.int32), name=integers.name)


def _channel_mean(layer: ir.Node, output: Array) -> Array:
    axis = 1 if layer.op_type == "Conv" else output.ndim - 1
    mean: Array = output.mean(axis=tuple(a for a in range(output.ndim) if a != axis), dtype=np.float64)
    return mean
