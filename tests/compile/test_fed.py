"""fed.py: `Session` on ONNX models that are compiled when they are fed, and shared with ONNX Runtime."""

import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from agreement import onnxruntime_outputs, text_model

import apus
from apus.compile.fed import Fed
from apus.errors import CompileError, MissingExtraError, RunError, UnsupportedOperatorError

HEAD = '<ir_version: 8, opset_import: ["": 17]> '
FIND = text_model(
    "m (float[N,4] x) => (float[A] y) { r = Relu(x)  i = NonZero(r)  t = Transpose(i)  v = GatherND(r, t)  y = Neg(v) }"
)
RESHAPE = text_model("m (float[N] x, int64[2] s) => (float[A,B] y) { y = Reshape(x, s) }")
HALVES = text_model("m (float[N,T] x) => (float[N,M,2] y) <int64[3] s = {0, -1, 2}> { y = Reshape(x, s) }")


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_a_refused_node_runs_in_onnxruntime_and_a_warning_names_it() -> None:
    session = apus.Session(FIND, threads=1)
    assert [(v.name, v.type, v.shape) for v in session.get_inputs()] == [("x", "tensor(float)", ["N", 4])]
    for seed in range(3):
        x = numbers(3, 4, seed=seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            (y,) = session.run(None, {"x": x})
        np.testing.assert_array_equal(y, onnxruntime_outputs(FIND, {"x": x})[0])
        said = [str(w.message) for w in caught if "refuses" in str(w.message)]
        assert len(said) == (seed == 0)
        assert all("ONNX Runtime runs 1 of 5 nodes (NonZero)" in line for line in said)


@pytest.mark.filterwarnings("ignore:.*ONNX Runtime runs")
def test_profile_and_plan_have_a_row_per_part() -> None:
    session = apus.Session(FIND, threads=1)
    rows = session.profile({"x": numbers(3, 4)}, 3)
    assert [row["kernel"] == "onnxruntime" for row in rows].count(True) == 1
    (theirs,) = [row for row in rows if row["kernel"] == "onnxruntime"]
    assert "operator NonZero" in theirs["why"]
    assert theirs["nodes"] == 1
    assert all(row["microseconds"] > 0 for row in rows)
    assert [row["op"] for row in session.plan({"x": [3, 4]})] == [row["op"] for row in rows]


def test_nothing_allowed_is_an_error_with_the_fix() -> None:
    with pytest.raises(UnsupportedOperatorError, match=r"operator NonZero of node.*allow='nothing'"):
        apus.Session(FIND, allow="nothing")
    with pytest.raises(RunError, match="allow='torch'"):
        apus.Session(FIND, allow="torch")


def test_without_onnxruntime_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UnsupportedOperatorError, match=r"operator NonZero of node.*pip install onnxruntime"):
        apus.Session(FIND)
    with pytest.raises(MissingExtraError, match="pip install onnxruntime"):
        apus.Session(FIND, allow="onnxruntime")


def test_inputs_that_decide_shapes_are_compiled_for_when_fed() -> None:
    session = apus.Session(RESHAPE, allow="nothing")
    for target in ((2, 3), (6, 1)):
        (y,) = session.run(None, {"x": numbers(6), "s": np.asarray(target)})
        assert y.shape == target
    with pytest.raises(RunError, match=r"input 's' has shape \[3\]"):
        session.run(None, {"x": numbers(6), "s": np.asarray([1, 2, 3])})


def test_each_shape_gets_a_plan_through_one_session() -> None:
    session = apus.Session(HALVES, allow="nothing")
    for rows, columns in ((1, 4), (3, 10), (1, 4)):
        x = numbers(rows, columns)
        np.testing.assert_array_equal(session.run(None, {"x": x})[0], x.reshape(rows, -1, 2))


@pytest.mark.filterwarnings("ignore:.*ONNX Runtime runs")
def test_threads_share_a_session_from_its_first_run_on() -> None:
    session = apus.Session(FIND, threads=1)
    feeds = [numbers(1 + seed % 3, 4, seed=seed) for seed in range(8)]
    wanted = [onnxruntime_outputs(FIND, {"x": x})[0] for x in feeds]
    found: list[np.ndarray | None] = [None] * 8

    def work(place: int) -> None:
        for _ in range(20):
            found[place] = session.run(None, {"x": feeds[place]})[0]

    workers = [threading.Thread(target=work, args=[place]) for place in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.filterwarnings("ignore:.*ONNX Runtime runs")
def test_strings_and_sequences_pass_through() -> None:
    join = text_model("m (string[N] a, string[N] b) => (string[N] y) { y = StringConcat(a, b) }", 20)
    words = {"a": np.asarray(["x", "y"]), "b": np.asarray(["1", "2"])}
    session = apus.Session(join)
    assert [value.type for value in session.get_inputs()] == ["tensor(string)"] * 2
    assert session.run(None, words)[0].tolist() == ["x1", "y2"]
    length = text_model("m (seq(float[N]) s) => (int64 n) { n = SequenceLength(s) }")
    assert apus.Session(length).run(None, {"s": [numbers(2), numbers(3)]})[0] == 2


def test_a_model_that_is_no_model_is_an_error_at_once(tmp_path: Path) -> None:
    lost = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]> m (float[N] x) => (float[N] y) {z=Relu(x)}')
    with pytest.raises(CompileError, match="output 'y' is produced by no node"):
        apus.Session(lost)
    with pytest.raises(RunError, match="compiled when it is fed"):
        options = apus.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / "saved.apus")
        apus.Session(FIND, options)


def test_a_shape_of_no_known_rank_is_taken_as_it_comes() -> None:
    model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]> m (float x) => (float y) { y = Relu(x) }')
    model.graph.input[0].type.tensor_type.ClearField("shape")
    engine = Fed(model, 1, deterministic=False, helped=False, file="m.onnx")
    assert engine.inputs == [("x", "float32", None)]
    session = apus.Session(model)
    assert session.run(None, {"x": numbers(2, 3)})[0].shape == (2, 3)


@pytest.mark.filterwarnings("ignore:.*ONNX Runtime runs")
def test_a_deterministic_plan_stays_one_beside_onnxruntime() -> None:
    text = (
        HEAD
        + "m (float[N,96] x) => (float[A] y) { p = MatMul(x, w)  i = NonZero(p)  t = Transpose(i)  v = GatherND(p, t)"
    )
    model = onnx.parser.parse_model(text + "  y = Neg(v) }")
    model.graph.initializer.append(onnx.numpy_helper.from_array(numbers(96, 96), "w"))
    session = apus.Session(model, threads=1, deterministic_plan=True)
    rows = session.profile({"x": numbers(12, 96)}, 1)
    (layer,) = [row for row in rows if len(row.get("options", [])) > 0]
    assert layer["op"] == "linear" and all(option["measured_us"] == 0 for option in layer["options"])
