"""Find silu, hard_swish, gelu and gelu_tanh where exporters spelled them out.

A product is flattened into a number and its non-constant factors first, so that order and grouping do not matter:
  silu        x · sigmoid(x)
  hard_swish  x · hard_sigmoid(x; 1/6, 1/2)   or   1/6 · x · clip(x + 3, 0, 6)
  gelu        1/2 · x · (1 + erf(x / √2))
  gelu_tanh   1/2 · x · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
"""

import math

from apus.artifact import Graph, Node
from apus.compile.wiring import Wiring

_SIMPLE = {"sigmoid": ("silu", 1.0), "hard_sigmoid": ("hard_swish", 1.0), "clip": ("hard_swish", 1 / 6)}


def run(graph: Graph) -> None:
    """Replace each spelled-out function by one `unary` node."""
    finder = _Finder(graph, Wiring(graph))
    for node in reversed(list(graph.nodes)):
        if node.op == "binary" and node.attributes["function"] in ("mul", "div"):
            found = finder.match(node)
            if found is not None:
                function, x = found
                finder.wiring.set_inputs(node, [x])
                node.op, node.attributes = "unary", {"function": function}


class _Finder:
    def __init__(self, graph: Graph, wiring: Wiring) -> None:
        self.graph, self.wiring = graph, wiring

    def match(self, node: Node) -> tuple[str, str] | None:
        """Function and operand of the product that `node` ends, if it is one of ours."""
        number, factors = self.factors(node.output, root=True)
        if len(factors) != 2:
            return None
        for x, other in (factors, factors[::-1]):
            function = self._gate(x, other, number)
            if function is not None:
                return function, x
        return None

    def _gate(self, x: str, gate: str, number: float) -> str | None:
        maker = self.wiring.producer(gate)
        if maker is None or (maker.op == "binary" and maker.attributes["function"] != "add"):
            return None
        if maker.op == "binary":
            return self._gelu(x, gate, number)
        if maker.op != "unary" or maker.attributes["function"] not in _SIMPLE:
            return None
        kind = maker.attributes["function"]
        function, wanted = _SIMPLE[kind]
        return function if _near(number, wanted) and self._fits(kind, maker, x) else None

    def _fits(self, kind: str, gate: Node, x: str) -> bool:
        if kind == "clip":
            return bool(gate.attributes["clip"] == [0.0, 6.0]) and self._sum(gate.inputs[0]) == (3.0, x)
        return gate.inputs[0] == x and (kind == "sigmoid" or self._sixth(gate))

    def _sixth(self, node: Node) -> bool:
        return _near(node.attributes["alpha"], 1 / 6) and _near(node.attributes["beta"], 0.5)

    def _gelu(self, x: str, gate: str, number: float) -> str | None:
        shift, inner = self._sum(gate)
        maker = self.wiring.producer(inner, "unary")
        if not _near(number, 0.5) or shift != 1.0 or maker is None:
            return None
        scale, factors = self.factors(maker.inputs[0])
        if maker.attributes["function"] == "erf":
            return "gelu" if factors == [x] and _near(scale, math.sqrt(0.5)) else None
        if maker.attributes["function"] != "tanh" or len(factors) != 1 or not _near(scale, math.sqrt(2 / math.pi)):
            return None
        return "gelu_tanh" if self._is_cubic(factors[0], x) else None

    def _is_cubic(self, name: str, x: str) -> bool:
        """Whether `name` is x + 0.044715 x³."""
        node = self.wiring.producer(name, "binary")
        if node is None or node.attributes["function"] != "add" or x not in node.inputs:
            return False
        other = node.inputs[1 - node.inputs.index(x)]
        scale, factors = self.factors(other)
        return factors == [x, x, x] and _near(scale, 0.044715)

    def number(self, name: str) -> float | None:
        """A constant of one element."""
        array = self.graph.tensors.get(name)
        return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None

    def _sum(self, name: str) -> tuple[float, str]:
        """`name` = number + value."""
        node = self.wiring.producer(name, "binary")
        if node is not None and node.attributes["function"] == "add":
            for constant, value in (node.inputs, node.inputs[::-1]):
                number = self.number(constant)
                if number is not None:
                    return number, value
        return 0.0, name

    def factors(self, name: str, root: bool = False) -> tuple[float, list[str]]:
        """`name` as a number times values; only what has no other reader is opened."""
        number = self.number(name)
        if number is not None:
            return number, []
        node = self.wiring.producer(name, "binary")
        private = root or self.wiring.sole_reader(name) is not None
        if node is None or not (private or self.number(node.inputs[1]) is not None):
            return 1.0, [name]
        function = node.attributes["function"]
        if function == "mul":
            (n, a), (m, b) = self.factors(node.inputs[0]), self.factors(node.inputs[1])
            return n * m, a + b
        divisor = self.number(node.inputs[1])
        if function == "div" and divisor:
            n, a = self.factors(node.inputs[0])
            return n / divisor, a
        if function == "pow" and divisor == 3.0:
            return 1.0, [node.inputs[0]] * 3
        return 1.0, [name]


def _near(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-4)
