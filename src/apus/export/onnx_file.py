"""torch → a standard ONNX file: folded, named, with any batch size."""

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from apus._files import write_atomically
from apus.errors import ApusError
from apus.export import tidy
from apus.export.bits import narrow, to_bits
from apus.export.pruned import remove_pruned
from apus.export.qdq import OPSET, to_qdq
from apus.techniques.bayesian_bits import BitLayer
from apus.techniques.quantize import fold_batch_norms, quantizers

INPUT, OUTPUT = "input", "output"


def export(model: nn.Module, example: Tensor, path: Path | None = None, *, name: str = "network") -> onnx.ModelProto:
    """Export a network, plain or prepared by `quantize` or `bayesian_bits`, as a standard ONNX model.

    Zeros of pruned weights stay plain zeros; a compiler that knows sparsity finds them.

    Args:
        model: takes one tensor, returns one; is not changed.
        example: one input batch (B, ...); B may be any size.
        path: where to write it as well.
        name: of the graph.

    Returns:
        The model, checked; its first dimension of input and output is `batch`.

    Raises:
        ApusError: torch cannot export this network; says why.
    """
    learned = any(isinstance(module, BitLayer) for module in model.modules())
    ready = to_bits(model) if learned else to_qdq(model) if quantizers(model) else fold_batch_norms(model, example)
    # A fresh pair: with one channel a tensor may count as channels-last too, and torch would export gathers for that.
    pair = torch.cat([example[:1]] * 2).clone(memory_format=torch.contiguous_format)
    exported = to_onnx(ready, {INPUT: pair}, {0: torch.export.Dim("batch", min=1)})
    tidy.name_layers(exported)
    tidy.pool_globally(exported)
    if learned:
        narrow(exported)
        remove_pruned(exported)
    tidy.make_room_for_biases(exported)
    tidy.quantise_biases(exported)
    tidy.round_biases(exported)
    tidy.strip_provenance(exported)
    tidy.drop_shapes_of_constants(exported)
    exported.graph.name, exported.producer_name = name, "apus"
    onnx.checker.check_model(exported, full_check=True)
    if path is not None:
        write_atomically(path, exported.SerializeToString())
    return exported


def to_onnx(model: nn.Module, inputs: Mapping[str, Tensor], free: Mapping[int, Any]) -> onnx.ModelProto:
    """What torch makes of a network, as it comes.

    Args:
        model: takes the inputs in their order, returns one tensor.
        inputs: an example of each, by name.
        free: dimensions that may have any size, the same in all inputs.

    Returns:
        The model; its output is called `output`.

    Raises:
        ApusError: torch cannot export this network; says why.
    """
    for name in ("torch.onnx", "onnxscript"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # torch's own deprecations, in its own code
        try:
            program = torch.onnx.export(
                model,
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=[OUTPUT],
                dynamic_shapes=tuple(dict(free) for _ in inputs),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
        except Exception as error:  # the exporter raises many kinds
            cause = error.__cause__ or error
            raise ApusError(f"torch cannot export {type(model).__name__} to ONNX: {cause}") from error
    assert program is not None  # dynamo=True returns one
    return program.model_proto
