"""Which dtypes may meet in one node (SPEC.md §6.7)."""

from collections.abc import Callable

from apus.artifact.graph import Graph, Node, Value
from apus.artifact.operators import (
    DTYPES,
    ELEMENTWISE,
    MATMUL_DTYPES,
    NUMBERS,
    QUANTISED_ACTIVATIONS,
)
from apus.errors import ArtifactError

_SAME_KIND = {"binary", "unary", "avg_pool", "softmax", "layer_norm", "attention", "recurrent"}
_FLOAT = {"layer_norm", "attention", "recurrent"}
_INDEXED = {"gather", "gather_elements", "gather_nd", "scatter_elements", "scatter_nd"}
_TAKE_TENSORS = {"matmul", "binary", "elementwise"} | _INDEXED
_MOVES = {"reshape", "flatten", "transpose", "slice", "max_pool", "pad"}


def check(node: Node, graph: Graph, where: str) -> None:
    """Check dtypes of inputs, output and operands of `node`; ArtifactError says what disagrees."""
    values = [graph.values[name] for name in node.inputs if name in graph.values]
    y = graph.values[node.output]
    if node.op in _SAME_KIND:
        _same_kind(node, [*values, y], where)
    elif node.op in _PLAIN:
        if any(value.quantised for value in [*values, y]):
            raise ArtifactError(f"{where}: takes no quantised value")
        _PLAIN[node.op](node, dtypes_of(node, graph), y.dtype, where)
    elif node.op == "reduce":
        _reduce(node, values[0], y, where)
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
    alone = len(constants) == len(node.inputs) and node.op != "elementwise"
    if constants and (node.op not in _TAKE_TENSORS or alone):
        raise ArtifactError(f"{where}: a constant stands where only an activation may")
    if node.op == "matmul" and 0 in ranks(node, graph):
        raise ArtifactError(f"{where}: an operand of rank 0")
    if node.op == "binary" and any(constant.dtype.name != "float32" for constant in constants):
        raise ArtifactError(f"{where}: a constant operand is not float32")


def ranks(node: Node, graph: Graph) -> list[int]:
    """Rank of each input, value or tensor."""
    return [len(graph.values[name].shape) if name in graph.values else graph.tensors[name].ndim for name in node.inputs]


def dtypes_of(node: Node, graph: Graph) -> list[str]:
    """Dtype of each input, value or tensor."""
    return [
        graph.values[name].dtype if name in graph.values else graph.tensors[name].dtype.name for name in node.inputs
    ]


def _require(condition: bool, where: str, what: str) -> None:
    if not condition:
        raise ArtifactError(f"{where}: {what}")


def _matmul(node: Node, given: list[str], y: str, where: str) -> None:
    _require(y in MATMUL_DTYPES and set(given) == {y}, where, f"{given} to {y}; one of {sorted(MATMUL_DTYPES)} for all")


def _elementwise(node: Node, given: list[str], y: str, where: str) -> None:
    row, function = ELEMENTWISE[node.attributes["function"]], node.attributes["function"]
    _require(len(given) == row.operands, where, f"{function} takes {row.operands} operands, not {len(given)}")
    if function == "where":
        _require(given[0] == "bool", where, f"its condition is {given[0]}, not bool")
        given = given[1:]
    _require(len(set(given)) == 1 and given[0] in row.dtypes, where, f"{function} of {given}")
    _require(y == ("bool" if row.boolean else given[0]), where, f"{function} of {given[0]} does not give {y}")


def _indexed(node: Node, given: list[str], y: str, where: str) -> None:
    _require(given[1] in ("int64", "int32"), where, f"indices are {given[1]}, not int64 or int32")
    _require(given[0] == y, where, f"{given[0]} to {y}; the dtype must stay")
    if len(given) == 3:
        allowed = DTYPES if node.attributes["function"] == "none" else NUMBERS
        _require(given[2] == y and y in allowed, where, f"updates are {given[2]} for {y}")


def _along(node: Node, given: list[str], y: str, where: str) -> None:
    (x,) = given
    positions = node.op == "arg" or bool(node.attributes.get("positions", 0))
    allowed = NUMBERS | {"bool"} if node.op == "arg" else NUMBERS
    _require(x in allowed and y == ("int64" if positions else x), where, f"{x} to {y}")


_PLAIN: dict[str, Callable[[Node, list[str], str, str], None]] = {
    "matmul": _matmul,
    "elementwise": _elementwise,
    "arg": _along,
    "cumulative": _along,
    "top_k": _along,
    **dict.fromkeys(_INDEXED, _indexed),
}


def _reduce(node: Node, x: Value, y: Value, where: str) -> None:
    if node.attributes["function"] != "prod" and (x.quantised or x.dtype == "float32"):
        _same_kind(node, [x, y], where)
        return
    plain = not x.quantised and not y.quantised and x.dtype in NUMBERS | {"bool"} and x.dtype == y.dtype
    _require(plain and node.attributes["function"] != "mean", where, f"{x.dtype} to {y.dtype}")


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
    if node.op == "max_pool" and not (x.quantised or x.dtype == "float32"):
        raise ArtifactError(f"{where}: {x.dtype} is neither float32 nor quantised")


def _cast(x: Value, y: Value, where: str) -> None:
    if (x.quantised or y.quantised) and "int8" not in (x.dtype, y.dtype):
        raise ArtifactError(f"{where}: a quantised value casts from or to int8 only")
