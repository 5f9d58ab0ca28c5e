"""RNN, GRU and LSTM against ONNX Runtime, whose directions, lengths and peepholes the reference lacks."""

import numpy as np
import onnxruntime
import pytest
from agreement import engine_outputs
from reference import floats, node_model

from apus.compile import compile_model

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("lengths", [False, True])
def test_every_direction(op: str, direction: str, lengths: bool) -> None:
    t, b, i, h, d, g = 4, 3, 5, 6, 1 + (direction == "bidirectional"), GATES[op]
    feed = {
        "x": floats(t, b, i),
        "w": floats(d, g * h, i, seed=1),
        "r": floats(d, g * h, h, seed=2),
        "b": floats(d, 2 * g * h, seed=3),
    }
    if lengths:
        feed["l"] = np.asarray([4, 2, 3], np.int32)
    model = node_model(op, feed, 3 if op == "LSTM" else 2, 14, ("w", "r", "b"), hidden_size=h, direction=direction)
    given = {name: array for name, array in feed.items() if name in ("x", "l")}
    want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)
    for mine, theirs in zip(engine_outputs(compile_model(model), given), want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("before", [0, 1])
def test_gru_resets_before_or_after_the_product(before: int) -> None:
    feed = {"x": floats(3, 2, 4), "w": floats(1, 15, 4, seed=1), "r": floats(1, 15, 5, seed=2)}
    model = node_model("GRU", feed, 2, 14, ("w", "r"), hidden_size=5, linear_before_reset=before)
    want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": feed["x"]})
    for mine, theirs in zip(engine_outputs(compile_model(model), {"x": feed["x"]}), want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("op", "after"), [("GRU", 0), ("GRU", 1), ("LSTM", 0)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("layout", [0, 1])
def test_the_engine_runs_it_as_one_operation(op: str, after: int, direction: str, layout: int) -> None:
    """Initial states, sparse recurrent weights, every direction, several rows: as in ONNX Runtime."""
    t, b, i, h, d, g = 5, 3, 7, 40, 1 + (direction == "bidirectional"), GATES[op]
    r = floats(d, g * h, h, seed=2)
    r.reshape(d, -1, 8, h)[:, ::2, :, ::3] = 0
    feed = {"x": floats(t, b, i), "w": floats(d, g * h, i, seed=1), "r": r, "b": floats(d, 2 * g * h, seed=3)}
    states = {"h": floats(d, b, h, seed=4)} | ({"c": floats(d, b, h, seed=5)} if op == "LSTM" else {})
    if layout:
        feed["x"], states = feed["x"].transpose(1, 0, 2), {n: s.transpose(1, 0, 2) for n, s in states.items()}
    options = {"hidden_size": h, "direction": direction, "layout": layout}
    options |= {"linear_before_reset": after} if op == "GRU" else {}
    model = node_model(op, feed | {"": feed["b"]} | states, 3 if op == "LSTM" else 2, 14, ("w", "r", "b"), **options)
    given = {name: np.ascontiguousarray(array) for name, array in ({"x": feed["x"]} | states).items()}
    graph = compile_model(model)
    assert [node.op for node in graph.nodes].count("recurrent") == d
    if layout:  # ONNX Runtime has no layout 1
        swapped = {name: np.ascontiguousarray(array.transpose(1, 0, 2)) for name, array in given.items()}
        plain = node_model(
            op,
            feed | {"x": swapped["x"], "": feed["b"]} | {name: swapped[name] for name in states},
            3 if op == "LSTM" else 2,
            14,
            ("w", "r", "b"),
            **options | {"layout": 0},
        )
        want = onnxruntime.InferenceSession(plain.SerializeToString()).run(None, swapped)
        want = [want[0].transpose(2, 0, 1, 3), *(last.transpose(1, 0, 2) for last in want[1:])]
    else:
        want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)
    for mine, theirs in zip(engine_outputs(graph, given), want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
