"""The verb: choose, calibrate, correct, write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
from onnx_ir.passes import common

from apus import __version__
from apus._files import write_atomically
from apus.compile.post_training.bias import add_missing_biases, correct_biases, output_means
from apus.compile.post_training.calibration import Calibration, Feed, batches, show
from apus.compile.post_training.choose import MOVES, Choice, choose, data_inputs
from apus.compile.post_training.prepare import prepare
from apus.compile.post_training.ranges import Observed, activation_parameters, activation_range
from apus.compile.post_training.rewrite import Parameters, layer_scales, write_qdq
from apus.compile.post_training.settings import Settings


def quantize(
    model: Any,
    calibration: Calibration,
    output: str | Path | None = None,
    *,
    settings: Settings | None = None,
    **fields: Any,
) -> onnx.ModelProto:
    """Quantise an fp32 ONNX model to static int8, without training.

    Weights become int8, symmetric, one scale per output channel; activations uint8, one scale and zero point per
    tensor. The result is standard ONNX (QuantizeLinear and DequantizeLinear), which Apus compiles to int8 layers and
    ONNX Runtime fuses to its own.

    Args:
        model: a path, the bytes of an ONNX file, or an `onnx.ModelProto`.
        calibration: typical inputs: a path of an `.npz`, arrays by input name, one array for a model of one input, or
            a loader that yields such batches. Some hundred samples do.
        output: where to write the result; nowhere by default.
        settings: see `Settings`.
        **fields: single fields of `Settings`, such as `ranges="percentile"` or `exclude=("/head/*",)`.

    Returns:
        The quantised model.

    Raises:
        CompileError: not an ONNX model, or already quantised.
        DataError: calibration data that the model does not take.
        NothingMatchedError: a pattern of `exclude` matches nothing, or no layer is left.
    """
    chosen = settings or Settings(**fields)
    prepared = prepare(model)
    feeds = batches(calibration, prepared.graph.inputs, chosen.batch)
    choice = choose(prepared.graph, chosen.exclude)
    parameters = _calibrate(prepared, choice, feeds, chosen)
    if chosen.bias_correction:
        add_missing_biases(choice.layers)
        means = output_means(prepared, choice.layers, feeds)
    write_qdq(prepared.graph, choice, parameters, layer_scales(choice, chosen.ranges))
    if chosen.bias_correction:
        correct_biases(prepared, choice.layers, means, feeds)
    prepared = common.RemoveUnusedNodesPass()(prepared).model
    prepared.producer_name, prepared.producer_version = "apus", __version__
    result = ir.to_proto(prepared)
    onnx.checker.check_model(result)
    if output is not None:
        write_atomically(output, result.SerializeToString())
    return result


def _calibrate(model: ir.Model, choice: Choice, feeds: Sequence[Feed], settings: Settings) -> Parameters:
    """Scale and zero point of each activation."""
    seen = {value: Observed() for value in choice.values}
    run = show(model, [str(value.name) for value in choice.values])
    for feed in feeds:
        for observed, array in zip(seen.values(), run(feed), strict=True):
            observed.widen(array)
    if settings.ranges != "minmax":
        for feed in feeds:
            for observed, array in zip(seen.values(), run(feed), strict=True):
                observed.count(array)
    ranges = {
        value: activation_range(observed, settings.ranges, settings.percentile) for value, observed in seen.items()
    }
    return {value: activation_parameters(*span) for value, span in _share(choice, ranges).items()}


def _share(choice: Choice, ranges: dict[ir.Value, tuple[float, float]]) -> dict[ir.Value, tuple[float, float]]:
    """One range for all values that an operation only moves, so that it moves bytes."""
    groups = {value: [value] for value in ranges}
    for node in choice.followers:
        if node.op_type not in MOVES:
            continue
        for value in data_inputs(node):
            one, other = groups.get(value), groups.get(node.outputs[0])
            if one is not None and other is not None and one is not other:
                one += other
                groups |= dict.fromkeys(other, one)
    shared = {}
    for value, group in groups.items():
        shared[value] = min(ranges[v][0] for v in group), max(ranges[v][1] for v in group)
    return shared
