"""States of zeros that an exporter spells out for a batch that is known only when it is fed."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from reference import floats

from apus import Session
from apus.compile.model import compile_model, to_bytes
from apus.errors import CompileError

GATES = {"GRU": 3, "LSTM": 4}
MAKERS = {
    "Expand": [("Expand", ["zeros", "shape"], "h")],
    "ConstantOfShape": [("ConstantOfShape", ["shape"], "h")],
    "Slice of Expand": [("Expand", ["zeros", "shape"], "e"), ("Slice", ["e", "from", "to", "from"], "h")],
}


def model(op: str, how: str, direction: str, fill: float = 0.0) -> onnx.ModelProto:
    """A recurrent layer over x [5, N, 4] from a state of `fill`."""
    d, g = 1 + (direction == "bidirectional"), GATES[op]
    arrays = {"w": floats(d, g * 8, 4, seed=1), "r": floats(d, g * 8, 8, seed=2)}
    arrays |= {"zeros": np.full((1, 1, 1), fill, np.float32), "from": np.array([0]), "to": np.array([d])}
    arrays |= {"d": np.array([d]), "eight": np.array([8])}
    shape = [
        helper.make_node("Shape", ["x"], ["n"], start=1, end=2),
        helper.make_node("Concat", ["d", "n", "eight"], ["shape"], axis=0),
    ]
    state = [helper.make_node(kind, inputs, [output]) for kind, inputs, output in MAKERS[how]]
    inputs = ["x", "w", "r", "", "", "h", *(["h"] if op == "LSTM" else [])]
    layer = helper.make_node(op, inputs, ["y", "last"], hidden_size=8, direction=direction)
    graph = helper.make_graph(
        [*shape, *state, layer],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [5, "N", 4])],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("y", "last")],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("op", "how"), [("GRU", "Expand"), ("LSTM", "ConstantOfShape"), ("LSTM", "Slice of Expand")])
def test_one_file_runs_any_batch(op: str, how: str, direction: str) -> None:
    made = model(op, how, direction)
    mine, theirs = Session(to_bytes(made)), onnxruntime.InferenceSession(made.SerializeToString())
    for batch in (1, 3, 17):
        x = floats(5, batch, 4, seed=batch)
        for found, wanted in zip(mine.run(None, {"x": x}), theirs.run(None, {"x": x}), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_what_is_not_finite_starts_from_zeros_too() -> None:
    x = floats(5, 3, 4)
    x[0, 0], x[0, 1] = np.inf, np.nan
    y, _ = Session(to_bytes(model("GRU", "Expand", "forward"))).run(None, {"x": x})
    np.testing.assert_array_equal(np.isfinite(y).all((0, 1, 3)), [False, False, True])


def test_other_states_stay() -> None:
    with pytest.raises(CompileError, match="a symbolic dimension grows"):
        compile_model(model("GRU", "Expand", "forward", fill=0.5))
