"""Finishing touches on an exported graph, so that every runtime fuses all of it into integer operators."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_INT32 = np.iinfo(np.int32)


def name_layers(model: onnx.ModelProto) -> None:
    """Call each layer what the network calls it, and every other node by its kind, so that tables can be read.

    Args:
        model: is changed in place.
    """
    made = {output: node for node in model.graph.node for output in node.output}
    taken: Counter[str] = Counter()
    for node in model.graph.node:
        name = _layer_name(node, made) or node.op_type.lower()
        taken[name] += 1
        node.name = name if taken[name] == 1 and name != node.op_type.lower() else f"{name}_{taken[name]}"


def _layer_name(node: onnx.NodeProto, made: dict[str, onnx.NodeProto]) -> str:
    if node.op_type not in LAYERS or len(node.input) < 2:
        return ""
    stored = node.input[1]
    while stored in made and made[stored].op_type in ("DequantizeLinear", "Transpose"):
        stored = made[stored].input[0]
    layer, _, role = stored.rpartition(".")
    return layer if role in ("weight", "levels") else ""


def make_room_for_biases(model: onnx.ModelProto) -> int:
    """Coarsen the weights of integer layers whose bias is more than an int32 holds in units of s_x · s_w.

    Such weights are all but zero (a channel behind a batch normalisation of factor 0, say), so that nothing is lost.

    Args:
        model: is changed in place.

    Returns:
        Of how many layers.
    """
    graph = model.graph
    made, constants, changed = _made(graph), _constants(graph), set[str]()
    for node in graph.node:
        layer, name = _biased(node, made, constants)
        unit = _unit(layer, made, constants) if layer is not None else None
        if layer is None or unit is None or not (np.abs(constants[name]) > unit * np.float64(_INT32.max)).any():
            continue
        weight = weight_of(layer, made)
        assert weight is not None  # it has a unit
        levels, scale = (constants[each] for each in weight.input[:2])
        least = np.abs(constants[name]) * 2.0 / _INT32.max / (unit / scale)
        wanted = np.maximum(scale, least if scale.ndim else least.max()).astype(np.float32)
        axis = next((a.i for a in weight.attribute if a.name == "axis"), 1) % levels.ndim
        shape = [-1 if i == axis and scale.ndim else 1 for i in range(levels.ndim)]
        coarse = np.rint(levels.astype(np.float64) * (scale / wanted).reshape(shape))
        constants |= {weight.input[0]: coarse.astype(levels.dtype), weight.input[1]: wanted}  # another may share them
        changed |= {*weight.input[:2]}
    for tensor in graph.initializer:
        if tensor.name in changed:
            tensor.CopyFrom(numpy_helper.from_array(constants[tensor.name], tensor.name))
    return len(changed) // 2


def _biased(
    node: onnx.NodeProto, made: dict[str, onnx.NodeProto], constants: dict[str, np.ndarray]
) -> tuple[onnx.NodeProto | None, str]:
    """The layer that a node is, or adds a constant to, and the name of its bias; None where there is none."""
    if node.op_type in ("Conv", "Gemm") and len(node.input) > 2 and node.input[2] in constants:
        return node, node.input[2]
    for bias, product in ((0, 1), (1, 0)) if node.op_type == "Add" else ():
        layer = made.get(node.input[product])
        if layer is not None and layer.op_type == "MatMul" and node.input[bias] in constants:
            return layer, node.input[bias]
    return None, ""


def quantise_biases(model: onnx.ModelProto) -> int:
    """Store the bias of each integer layer as int32 in units of s_x · s_w, which is how accumulators count.

    Args:
        model: is changed in place.

    Returns:
        How many biases were stored so.

    Source: Jacob et al. 2017, arXiv:1712.05877, Eq. (11).
    """
    graph = model.graph
    made, constants = _made(graph), _constants(graph)
    count = 0
    for node in list(graph.node):
        if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3 or node.input[2] not in constants:
            continue
        scale = _unit(node, made, constants)
        if scale is None:
            continue
        wide = np.rint(constants[node.input[2]] / scale).astype(np.float64)  # a float32 cannot hold the largest int32
        levels = np.clip(wide, _INT32.min, _INT32.max).astype(np.int32)
        _dequantise_bias(graph, node, levels, scale)
        count += 1
    _drop_unused(graph)
    return count


def round_biases(model: onnx.ModelProto) -> int:
    """Round the bias added after each integer MatMul to units of s_x · s_w; it stays a float32 constant.

    An accumulator that starts at its bias then ends at the same float as one to which a float32 bias is added, so
    integer engines of either kind agree. (Behind a DequantizeLinear, ONNX Runtime would not fuse it.)

    Args:
        model: is changed in place.

    Returns:
        How many biases were rounded.

    Source: Jacob et al. 2017, arXiv:1712.05877, Eq. (11).
    """
    graph = model.graph
    made, constants = _made(graph), _constants(graph)
    count = 0
    for node in graph.node:
        layer, bias = _biased(node, made, constants) if node.op_type == "Add" else (None, "")
        scale = _unit(layer, made, constants) if layer is not None else None
        if scale is None or constants[bias].shape not in (scale.shape, (1,), ()) or (scale <= 0).any():
            continue
        name = f"{bias}.{node.name}"
        graph.initializer.append(numpy_helper.from_array(np.rint(constants[bias] / scale) * scale, name))
        node.input[[*node.input].index(bias)] = name
        count += 1
    _drop_unused(graph)
    return count


def _made(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    return {output: node for node in graph.node for output in node.output}


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def _unit(node: onnx.NodeProto, made: dict[str, onnx.NodeProto], constants: dict[str, np.ndarray]) -> np.ndarray | None:
    """float32 s_x · s_w, one number or one per output; None where a side is no 8-bit integer."""
    x, w = made.get(node.input[0]), weight_of(node, made)
    if x is None or w is None or {x.op_type, w.op_type} != {"DequantizeLinear"}:
        return None
    if any(constants[each.input[2]].dtype.name not in ("int8", "uint8") for each in (x, w) if len(each.input) > 2):
        return None  # ONNX Runtime has no integer operators of that type, and fails where a bias makes it try
    return np.asarray(constants[x.input[1]] * constants[w.input[1]], np.float32)


def weight_of(node: onnx.NodeProto, made: Mapping[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """What makes a layer's weight, before it is transposed.

    Args:
        node: a layer.
        made: the node that makes each value.

    Returns:
        The node; None where the weight is a constant as it stands.
    """
    made_by = made.get(node.input[1])
    return made.get(made_by.input[0]) if made_by is not None and made_by.op_type == "Transpose" else made_by


def _dequantise_bias(graph: onnx.GraphProto, node: onnx.NodeProto, levels: np.ndarray, scale: np.ndarray) -> None:
    stem = node.input[2]
    names = [f"{stem}.{node.name}.{part}" for part in ("levels", "scale", "zero_point")]
    for name, value in zip(names, (levels, scale, np.zeros(scale.shape, np.int32)), strict=True):
        graph.initializer.append(numpy_helper.from_array(value, name))
    bias = helper.make_node("DequantizeLinear", names, [f"{stem}.{node.name}"], f"{node.name}.bias", axis=0)
    node.input[2] = bias.output[0]
    graph.node.insert(list(graph.node).index(node), bias)


def pool_globally(model: onnx.ModelProto) -> int:
    """Write a mean over all spatial axes as GlobalAveragePool, which integer runtimes know.

    Args:
        model: is changed in place.

    Returns:
        How many means were rewritten.
    """
    graph, count = model.graph, 0
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in [*graph.value_info, *graph.input]}
    for node in list(graph.node):
        if node.op_type != "ReduceMean" or len(node.input) < 2 or node.input[1] not in constants:
            continue
        rank, keep = ranks.get(node.input[0], 0), next((a.i for a in node.attribute if a.name == "keepdims"), 1)
        axes = sorted(int(a) % max(rank, 1) for a in constants[node.input[1]].reshape(-1))
        if rank not in (3, 4) or axes != list(range(2, rank)):
            continue
        node.op_type = "GlobalAveragePool"
        del node.input[1:], node.attribute[:]
        if not keep:
            _drop_space(graph, node)
        count += 1
    _drop_unused(graph)
    return count


def _drop_space(graph: onnx.GraphProto, pool: onnx.NodeProto) -> None:
    """Reshape the pooled (B, C, 1, 1) to (B, C)."""
    output, shape = pool.output[0], f"{pool.output[0]}.shape"
    pool.output[0] = f"{output}.pooled"
    graph.initializer.append(numpy_helper.from_array(np.array([0, -1], np.int64), shape))
    reshape = helper.make_node("Reshape", [pool.output[0], shape], [output], f"{pool.name}.flat")
    graph.node.insert(list(graph.node).index(pool) + 1, reshape)


def strip_provenance(model: onnx.ModelProto) -> None:
    """Remove the exporter's stack traces and paths: they are most of a small file and name the author's machine."""
    graph = model.graph
    for holder in [model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        del holder.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""


def drop_shapes_of_constants(model: onnx.ModelProto) -> None:
    """Say shapes of constants once, in the constants: ONNX Runtime's `quantize_dynamic` transposes these alone.

    Args:
        model: is changed in place.
    """
    constants, graph = {tensor.name for tensor in model.graph.initializer}, model.graph
    kept = [value for value in graph.value_info if value.name not in constants]
    del graph.value_info[:]
    graph.value_info.extend(kept)


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
