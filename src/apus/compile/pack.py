"""Draft weights → the packed roles of SPEC.md §3."""

import numpy as np

from apus import artifact
from apus.artifact import Array, Graph, Node
from apus.compile.draft import add_tensor
from apus.errors import CompileError


def pack(graph: Graph, precision: str = "fp32") -> None:
    """Pack the weights of every `conv`, `linear` and `recurrent`, in place.

    Args:
        graph: with draft weights.
        precision: `bf16` stores in bfloat16 what carries no quantisation; depthwise convolutions and
            single weights stay float32.

    Raises:
        CompileError: a weight is too large for bfloat16.
    """
    for node in graph.nodes:
        if node.op in ("conv", "linear", "recurrent"):
            _pack_node(graph, node, half=precision == "bf16" and "weight_scale" not in node.tensors)
    used = set(graph.used_tensors())
    graph.tensors = {name: array for name, array in graph.tensors.items() if name in used}


def _pack_node(graph: Graph, node: Node, half: bool) -> None:
    weight, bias = _executed(graph, node)
    groups = int(node.attributes.get("groups", 1))
    matrix = np.ascontiguousarray(weight.reshape(len(weight), -1))
    depthwise = node.op == "conv" and groups > 1 and weight.shape[1] == 1
    roles: dict[str, Array] = {"values": matrix}
    form = "depthwise"
    if not depthwise:
        stored = _halved(matrix, node) if half and matrix.dtype == np.float32 else matrix
        form, packed = _smallest(matrix, stored, groups, single=node.op != "recurrent")
        roles = packed._asdict()
    if bias is not None and bias.any():
        roles["bias"] = bias
    if "multiplier" in node.tensors:
        roles["multiplier"] = graph.tensor(node, "multiplier")
    node.attributes = node.attributes | {"format": form}
    stem = node.output
    node.tensors = {role: add_tensor(graph, f"{stem}.{role}", array) for role, array in roles.items()}


def _halved(matrix: Array, node: Node) -> Array:
    halved = artifact.to_bfloat16(matrix)
    if (np.isinf(artifact.from_bfloat16(halved)) & np.isfinite(matrix)).any():
        raise CompileError(f"node {node.name!r}: a weight is too large for bfloat16; compile with precision 'fp32'")
    return halved


def _smallest(
    matrix: Array, stored: Array, groups: int, single: bool
) -> tuple[str, artifact.Blocks | artifact.Unstructured]:
    """The format of fewest bytes, of blocks as `stored`; `single` allows single weights, half or more of them zero."""
    blocks = _blocks(stored, groups)
    form = "block16x4" if blocks.columns.ndim == 1 else "block16x1"
    if not single or 2 * np.count_nonzero(matrix) > matrix.size:
        return form, blocks
    packed = artifact.pack_unstructured(matrix)
    return ("unstructured", packed) if _bytes(packed) < _bytes(blocks) else (form, blocks)


def _blocks(matrix: Array, groups: int) -> artifact.Blocks:
    """16x1, or 16x4 where that takes no more bytes; int8 weights in as few bits as hold them."""
    blocks = artifact.pack(matrix, groups)
    if matrix.dtype != np.int8:
        return blocks
    blocks = blocks._replace(values=artifact.narrow(blocks.values))
    if matrix.shape[1] % 4:
        return blocks
    runs = artifact.pack_runs(matrix, groups)
    runs = runs._replace(values=artifact.narrow(runs.values))
    return runs if _bytes(runs) <= _bytes(blocks) else blocks


def _bytes(packed: artifact.Blocks | artifact.Unstructured) -> int:
    return sum(array.nbytes for array in packed)


def _executed(graph: Graph, node: Node) -> tuple[Array, Array | None]:
    """Weight and bias as the engine uses them: integers in an int8 node, else float32."""
    weight = graph.tensor(node, "weight")
    bias = graph.tensor(node, "bias") if "bias" in node.tensors else None
    if "multiplier" in node.tensors:
        return weight, bias
    if "weight_scale" in node.tensors:
        scale = graph.tensor(node, "weight_scale").reshape(-1, *[1] * (weight.ndim - 1))
        weight = weight.astype(np.float32) * scale
    if bias is not None and "bias_scale" in node.tensors:
        bias = (bias.astype(np.float64) * graph.tensor(node, "bias_scale")).astype(np.float32)
    return weight, bias
