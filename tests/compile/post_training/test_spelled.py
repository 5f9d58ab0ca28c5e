"""Functions of one value in many nodes: nothing inside them is quantised, and they run as tables."""

import math

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

import apus
from apus.artifact import read
from apus.compile.model import to_bytes
from apus.compile.post_training.choose import choose
from apus.compile.post_training.prepare import prepare
from apus.runtime import Session

NUMBERS = {"root": math.sqrt(2), "one": 1.0, "half": 0.5, "three": 3.0, "sixth": 1 / 6, "low": 0.0, "high": 6.0}
SPELLED = {
    "gelu": [
        ("Div", "h root", "a"),
        ("Erf", "a", "b"),
        ("Add", "b one", "c"),
        ("Mul", "h c", "d"),
        ("Mul", "d half", "y"),
    ],
    "silu": [("Sigmoid", "h", "a"), ("Mul", "h a", "y")],
    "hard_swish": [("Add", "h three", "a"), ("Clip", "a low high", "b"), ("Mul", "h b", "c"), ("Mul", "c sixth", "y")],
}


def network(parts: list[tuple[str, str, str]]) -> onnx.ModelProto:
    """Two layers with a function between them."""
    draw = np.random.default_rng(1)
    arrays = {name: np.array(number, np.float32) for name, number in NUMBERS.items()}
    arrays |= {f"w{i}": draw.standard_normal(s).astype(np.float32) / 3 for i, s in enumerate([(16, 32), (32, 8)])}
    arrays["shift"] = draw.standard_normal(32).astype(np.float32)
    nodes = [("MatMul", "x w0", "m"), ("Add", "m shift", "h"), *parts, ("MatMul", "y w1", "z")]
    needed = {name for _, names, _ in nodes for name in names.split()}
    graph = helper.make_graph(
        [helper.make_node(op, names.split(), [made], name=made) for op, names, made in nodes],
        "spelled",
        [helper.make_tensor_value_info("x", 1, ["n", 16])],
        [helper.make_tensor_value_info("z", 1, ["n", 8])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items() if name in needed],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("function", SPELLED)
def test_a_spelled_out_function_is_one_table(function: str) -> None:
    model = network(SPELLED[function])
    assert [value.name for value in choose(prepare(model).graph, ()).values] == ["x", "h", "y"]
    x = np.random.default_rng(0).standard_normal((256, 16)).astype(np.float32)
    quantised = apus.quantize(model, {"x": x})
    data = to_bytes(quantised)
    unary = [node for node in read(data).nodes if node.op == "unary"]
    assert [node.attributes["function"] for node in unary] == [function]
    assert read(data).values[unary[0].output].dtype == "uint8"
    (wanted,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    (got,) = Session(data).run(None, {"x": x})
    assert np.abs(got - wanted).max() < 0.02 * np.abs(wanted).max()


def test_a_product_of_two_values_is_no_such_function() -> None:
    parts = [
        ("Mul", "h half", "k"),
        ("Sigmoid", "h", "a"),
        ("Sigmoid", "m", "b"),
        ("Mul", "a b", "c"),
        ("Mul", "c k", "y"),
    ]
    names = [value.name for value in choose(prepare(network(parts)).graph, ()).values]
    assert {"a", "b", "c", "k"} <= set(names)


def test_what_somebody_else_reads_stays_a_value() -> None:
    model = network(SPELLED["silu"])
    model.graph.output.append(helper.make_tensor_value_info("a", 1, ["n", 32]))
    assert "a" in [value.name for value in choose(prepare(model).graph, ()).values]
