"""From draft roles to packed ones; `integer` makes the int8 ones."""

import sys
from pathlib import Path

import numpy as np
import pytest

from apus.artifact import Array, Graph, Node, Value
from apus.compile.draft import add_tensor, fresh
from apus.compile.integer import integer_weights
from apus.compile.pack import pack

sys.path.insert(0, str(Path(__file__).parent.parent))
from oracle import weight_matrix


def draft(op: str, x: Value, roles: dict[str, Array], **attributes: object) -> Graph:
    graph = Graph("g", ["x"], ["y"], {"x": x, "y": Value("float32", [])})
    names = {role: add_tensor(graph, role, array) for role, array in roles.items()}
    graph.nodes = [Node(op, op, ["x"], ["y"], {"channels": len(roles["weight"]), **attributes}, names)]
    return graph


def test_fresh_names_avoid_values_and_tensors() -> None:
    graph = draft("linear", Value("float32", [1, 4]), {"weight": np.ones((2, 4), np.float32)})
    assert fresh(graph, "x") == "x.1" and fresh(graph, "weight") == "weight.1" and fresh(graph, "z") == "z"


def test_integers_without_int8_activations_become_float() -> None:
    roles = {
        "weight": np.int8([[1, -2], [3, 4]]),
        "weight_scale": np.float32([0.5, 0.25]),
        "bias": np.int32([8, 4]),
        "bias_scale": np.float32([0.5, 0.25]),
    }
    graph = draft("linear", Value("float32", [1, 2]), roles)
    pack(graph)
    node = graph.nodes[0]
    assert graph.tensor(node, "values")[:, :2, 0].tolist() == [[0.5, 0.75], [-1.0, 1.0]]
    assert graph.tensor(node, "bias").tolist() == [4.0, 1.0]
    assert set(node.tensors) == {"values", "columns", "strips", "bias"}


def test_a_zero_bias_is_left_out() -> None:
    graph = draft(
        "linear", Value("float32", [1, 2]), {"weight": np.eye(2, dtype=np.float32), "bias": np.zeros(2, np.float32)}
    )
    pack(graph)
    assert "bias" not in graph.nodes[0].tensors


def test_depthwise_needs_one_channel_per_group() -> None:
    window = {"kernel": [3], "strides": [1], "pads": [0, 0], "dilations": [1]}
    graph = draft("conv", Value("float32", [1, 4, 9]), {"weight": np.ones((8, 1, 3), np.float32)}, groups=4, **window)
    pack(graph)
    assert graph.nodes[0].attributes["format"] == "depthwise" and graph.tensor(graph.nodes[0], "values").shape == (8, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
@pytest.mark.parametrize(
    ("density", "by_blocks", "form"),
    [(0.1, False, "unstructured"), (0.9, False, "block16x1"), (0.2, True, "block16x1")],
)
def test_the_format_is_the_one_of_fewest_bytes(dtype: type, density: float, by_blocks: bool, form: str) -> None:
    random = np.random.default_rng(0)
    keep = random.random((4 if by_blocks else 64, 98)) < density
    matrix = (random.integers(1, 100, (64, 98)) * (keep.repeat(16, axis=0) if by_blocks else keep)).astype(dtype)
    roles = {"weight": matrix} | ({"multiplier": np.ones(64, np.float32)} if dtype is np.int8 else {})
    graph = draft("linear", Value("float32", [1, 98]), roles)
    pack(graph)
    assert graph.nodes[0].attributes["format"] == form
    assert (weight_matrix(graph.nodes[0], graph) == matrix).all()


def test_a_recurrent_matrix_stays_in_blocks() -> None:
    graph = draft("recurrent", Value("float32", [1, 40]), {"weight": np.eye(160, 40, dtype=np.float32)})
    pack(graph)
    assert graph.nodes[0].attributes["format"] == "block16x1"


def quantised_linear(bias: Array, bias_scale: Array | None = None) -> tuple[Graph, Value]:
    x = Value("uint8", [1, 2], float(np.float32(0.1)), 3)
    roles = {"weight": np.int8([[1, 2], [0, 0]]), "weight_scale": np.float32([0.2, 1e-10]), "bias": bias}
    if bias_scale is not None:
        roles["bias_scale"] = bias_scale
    return draft("linear", x, roles), x


def test_the_multiplier_is_rounded_twice_as_specified() -> None:
    graph, x = quantised_linear(np.float32([0, 0]))
    y = Value("uint8", [1, 2], float(np.float32(0.3)), 0)
    integers = integer_weights(graph, graph.nodes[0], x, y)
    assert integers is not None
    assert integers.multiplier[0] == np.float32(np.float32(0.1) * np.float32(0.2)) / np.float32(0.3)


def test_a_float_bias_rounds_to_its_unit_and_an_empty_row_chooses_one() -> None:
    graph, x = quantised_linear(np.float32([0.5, -3]))
    integers = integer_weights(graph, graph.nodes[0], x, None)
    assert integers is not None and integers.bias is not None
    assert integers.bias[0] == 25  # 0.5 / (0.1 · 0.2)
    assert integers.bias[1] * integers.multiplier[1] == -3


def test_an_integer_bias_stays_exact() -> None:
    unit = np.float32(0.1) * np.float32([0.2, 1e-10])
    graph, x = quantised_linear(np.int32([2**30 + 1, 7]), unit)
    integers = integer_weights(graph, graph.nodes[0], x, None)
    assert integers is not None and integers.bias is not None
    assert integers.bias.tolist() == [2**30 + 1, 7]


def test_an_overflow_is_refused() -> None:
    graph, x = quantised_linear(np.float32([1e12, 0]))
    assert integer_weights(graph, graph.nodes[0], x, None) is None
