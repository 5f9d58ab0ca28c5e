"""Which dtypes may meet in one node (SPEC.md §6.7)."""

from apus.artifact.graph import Graph, Node, Value
from apus.artifact.operators import QUANTISED_ACTIVATIONS
from apus.errors import ArtifactError

_SAME_KIND = {"binary", "unary", "avg_pool", "reduce", "softmax", "matmul", "layer_norm", "attention"}
_FLOAT = {"matmul", "layer_norm", "attention"}
_MOVES = {"reshape", "flatten", "transpose", "slice", "max_pool", "pad"}


def check(node: Node, graph: Graph, where: str) -> None:
    """Check dtypes of inputs, output and operands of `node`; ArtifactError says what disagrees."""
    values = [graph.values[name] for name in node.inputs if name in graph.values]
    y = graph.values[node.output]
    if node.op in _SAME_KIND:
        _same_kind(node, [*values, y], where)
    elif node.op in _MOVES:
        _moves(node, values[0], y, where)
    elif node.op == "concat":
        if len({(value.dtype, value.quantised) for value in [*values, y]}) != 1:
            raise ArtifactError(f"{where}: inputs and output differ in dtype, or only some are quantised")
    elif node.op == "cast":
        _cast(values[0], y, where)
    elif node.op in ("quantize", "dequantize"):
        real, byte = (values[0], y) if node.op == "quantize" else (y, values[0])
        if real.dtype != "float32" or not byte.quantised:
            raise ArtifactError(
                f"{where}: {values[0].dtype} to {y.dtype}; one side is float32, the other quantised uint8"
            )


def check_operands(node: Node, graph: Graph, where: str) -> None:
    """Check that constants among the inputs stand where they may."""
    constants = [graph.tensors[name] for name in node.inputs if name in graph.tensors]
    if constants and (node.op not in ("matmul", "binary") or len(constants) == len(node.inputs)):
        raise ArtifactError(f"{where}: a constant stands where only an activation may")
    ranks = [
        len(graph.values[name].shape) if name in graph.values else graph.tensors[name].ndim for name in node.inputs
    ]
    if node.op == "matmul" and 0 in ranks:
        raise ArtifactError(f"{where}: an operand of rank 0")
    if any(constant.dtype.name != "float32" for constant in constants):
        raise ArtifactError(f"{where}: a constant operand is not float32")


def _same_kind(node: Node, values: list[Value], where: str) -> None:
    if all(value.quantised for value in values) and node.op not in _FLOAT:
        activation = node.attributes.get("activation", "none")
        if activation not in QUANTISED_ACTIVATIONS:
            raise ArtifactError(f"{where}: activation {activation} with quantised values; only none, relu, clip may be")
    elif any(value.dtype != "float32" for value in values):
        raise ArtifactError(f"{where}: values are neither all float32 nor all quantised")


def _moves(node: Node, x: Value, y: Value, where: str) -> None:
    if (x.dtype, x.quantised, x.zero_point) != (y.dtype, y.quantised, y.zero_point) or x.scale != y.scale:
        raise ArtifactError(f"{where}: output differs from input in dtype, scale or zero point")
    if node.op in ("max_pool", "pad") and not (x.quantised or x.dtype == "float32"):
        raise ArtifactError(f"{where}: {x.dtype} is neither float32 nor quantised")


def _cast(x: Value, y: Value, where: str) -> None:
    if (x.quantised or y.quantised) and "int8" not in (x.dtype, y.dtype):
        raise ArtifactError(f"{where}: a quantised value casts from or to int8 only")
