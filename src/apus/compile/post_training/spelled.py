"""Functions of one value that exporters spell out, such as gelu = x · (1 + erf(x / √2)) / 2 and silu = x · sigmoid(x).

In bytes such a function is a table of 256 entries, so nothing inside it is quantised: a mark on its last node says what
it reads, one on the others whom they belong to.
"""

from collections.abc import Iterable

import onnx_ir as ir

FUNCTIONS = {"Erf", "Tanh", "Sigmoid", "HardSigmoid", "Clip"}
PARTS = FUNCTIONS | {"Add", "Sub", "Mul", "Div", "Pow"}
READS, PART_OF = "apus_reads", "apus_part_of"


def mark(graph: ir.Graph) -> None:
    """Mark every spelled-out function, in place.

    Args:
        graph: constants are initializers.
    """
    marked: set[ir.Node] = set()
    for end in reversed(list(graph)):
        if end.op_type in {"Mul", "Div"} and end not in marked:
            parts = _parts(graph, end)
            sources = _sources(parts)
            read_twice = sum(value is source for part in parts for value in part.inputs for source in sources) > 1
            if len(sources) == 1 and read_twice and any(part.op_type in FUNCTIONS for part in parts):
                marked |= parts
                end.meta[READS] = list(sources)
                for part in parts - {end}:
                    part.meta[PART_OF] = end


def reader(node: ir.Node) -> ir.Node:
    """The last node of the function that a node belongs to, or the node."""
    end: ir.Node = node.meta.get(PART_OF, node)
    return end


def _parts(graph: ir.Graph, end: ir.Node) -> set[ir.Node]:
    """The nodes that serve `end` alone, calculate element by element, and know no constant but numbers."""
    parts = {end} if _calculates(end) else set()
    waiting = [value.producer() for value in end.inputs if value is not None] if parts else []
    while waiting:
        node = waiting.pop()
        if node is None or node in parts or not _calculates(node) or node.outputs[0].is_graph_output():
            continue
        if all(user in parts for user, _ in node.outputs[0].uses()):
            parts.add(node)
            waiting += [value.producer() for value in node.inputs if value is not None]
    return parts


def _calculates(node: ir.Node) -> bool:
    constants = [value.const_value for value in node.inputs if value is not None and value.is_initializer()]
    return node.op_type in PARTS and all(constant is not None and constant.size == 1 for constant in constants)


def _sources(parts: Iterable[ir.Node]) -> set[ir.Value]:
    made = {output for part in parts for output in part.outputs}
    read = {value for part in parts for value in part.inputs if value is not None and not value.is_initializer()}
    return read - made
