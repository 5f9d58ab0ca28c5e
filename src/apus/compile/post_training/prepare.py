"""Make any fp32 ONNX model ready: constants as initializers, batch normalisation folded, every node and value named."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx_ir.passes import common

from apus._files import existing_file
from apus.compile.post_training.spelled import mark
from apus.compile.post_training.weights import replace_constant
from apus.errors import CompileError

OPSET = 13
"""The first in which QuantizeLinear takes one scale per channel."""


def prepare(model: Any) -> ir.Model:
    """A prepared copy.

    Args:
        model: a path, the bytes of an ONNX file, or an `onnx.ModelProto`.

    Returns:
        The model, in which every weight is an initializer.

    Raises:
        CompileError: not an ONNX model, or already quantised.
    """
    prepared = ir.from_proto(_modern(_load(model)))
    for rewrite in (
        common.InlinePass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.RemoveInitializersFromInputsPass(),
        common.IdentityEliminationPass(),
        common.NameFixPass(),
    ):
        prepared = rewrite(prepared).model
    graph = prepared.graph
    if any(node.op_type in {"QuantizeLinear", "DequantizeLinear"} for node in graph):
        raise CompileError(f"graph {graph.name!r} holds QuantizeLinear already; give the fp32 model")
    for node in list(graph):
        _fold_batch_norm(graph, node)
        _fold_gemm_factors(node)
    _name_nodes(graph)
    mark(graph)
    return common.ShapeInferencePass()(common.RemoveUnusedNodesPass()(prepared).model).model


def _load(model: Any) -> onnx.ModelProto:
    if isinstance(model, onnx.ModelProto):
        return model
    try:
        return onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(existing_file(model))
    except (ValueError, onnx.checker.ValidationError) as error:
        what = "these bytes are" if isinstance(model, bytes) else f"{model} is"
        raise CompileError(f"{what} not an ONNX model: {error}") from error
    except Exception as error:  # protobuf's DecodeError has no public base in every version
        if type(error).__name__ != "DecodeError":
            raise
        what = "these bytes are" if isinstance(model, bytes) else f"{Path(str(model)).name} is"
        raise CompileError(f"{what} not an ONNX model") from error


def _modern(model: onnx.ModelProto) -> onnx.ModelProto:
    if not model.opset_import:  # what no bytes at all parse as
        raise CompileError("not an ONNX model: it imports no operator set")
    opset = max((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), default=OPSET)
    if opset >= OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except RuntimeError as error:
        raise CompileError(f"opset {opset} cannot be raised to {OPSET}, which quantisation needs: {error}") from error


def _fold_batch_norm(graph: ir.Graph, norm: ir.Node) -> None:
    """y = (conv(x) - mean) / sqrt(var + eps) * gamma + beta becomes a convolution with other weights."""
    source = norm.inputs[0].producer() if norm.op_type == "BatchNormalization" and norm.inputs[0] else None
    if source is None or source.op_type != "Conv" or len(source.outputs[0].uses()) != 1:
        return
    constants = [value.const_value for value in [*source.inputs[1:], *norm.inputs[1:]] if value is not None]
    if any(constant is None for constant in constants) or source.outputs[0].is_graph_output():
        return
    gamma, beta, mean, variance = [_numpy(value) for value in norm.inputs[1:5]]
    epsilon = norm.attributes["epsilon"].as_float() if "epsilon" in norm.attributes else 1e-5
    factor = gamma / np.sqrt(variance + epsilon)
    weight = _numpy(source.inputs[1])
    bias = _numpy(source.inputs[2]) if len(source.inputs) > 2 and source.inputs[2] is not None else 0.0
    folded = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    replace_constant(source, 1, folded.astype(np.float32))
    replace_constant(source, 2, (beta + (bias - mean) * factor).astype(np.float32))
    _bypass(graph, norm, source.outputs[0])


def _bypass(graph: ir.Graph, node: ir.Node, source: ir.Value) -> None:
    """Let `source` stand for the output of `node`, keeping the name if it is the graph's."""
    result = node.outputs[0]
    name = result.name
    result.replace_all_uses_with(source, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    if source.is_graph_output():
        source.name = name


def _numpy(value: ir.Value | None) -> Any:
    assert value is not None and value.const_value is not None
    return value.const_value.numpy().astype(np.float64)


def _fold_gemm_factors(node: ir.Node) -> None:
    """alpha and beta of Gemm go into its constants."""
    if node.op_type != "Gemm":
        return
    for index, name in ((1, "alpha"), (2, "beta")):
        factor = node.attributes.pop(name).as_float() if name in node.attributes else 1.0
        value = node.inputs[index] if index < len(node.inputs) else None
        if factor == 1.0 or value is None:
            continue
        if value.const_value is None:  # cannot be folded: give the factor back
            node.attributes[name] = ir.AttrFloat32(name, factor)
        else:
            replace_constant(node, index, (_numpy(value) * factor).astype(np.float32))


def _name_nodes(graph: ir.Graph) -> None:
    for place, node in enumerate(graph):
        node.name = node.name or f"{node.op_type}_{place}"
