"""share.py and file.py: parts of a model recorded for ONNX Runtime, because they are refused or are faster there."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from agreement import onnxruntime_outputs, text_model

import apus
from apus import artifact
from apus.bench.layers import examine
from apus.compile import share as module
from apus.compile.file import compile_graph
from apus.compile.share import share
from apus.errors import CompileError, MissingExtraError, RunError, UnsupportedOperatorError

FIND = text_model(
    "m (float[N,4] x) => (float[A] y) { r = Relu(x)  i = NonZero(r)  t = Transpose(i)  v = GatherND(r, t)  y = Neg(v) }"
)
WORDS = text_model(
    "m (float[2,3] x) => (float[2,3] y, int64 n)"
    " { r = Relu(x)  s = SequenceConstruct(r, x)  y = Neg(r)  n = SequenceLength(s) }"
)
CHAIN = text_model("m (float[2,3] x) => (float[2,3] y) { a = Relu(x)  b = Neg(a)  y = Sigmoid(b) }")


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.fixture
def found(tmp_path: Path) -> Path:
    (tmp_path / "find.onnx").write_bytes(FIND.SerializeToString())
    return apus.compile(tmp_path / "find.onnx", allow="onnxruntime", threads=1)


def test_refused_nodes_become_a_part_of_the_file(found: Path) -> None:
    parts = artifact.read(found).segments
    assert [(part.engine, part.nodes) for part in parts] == [("apus", 1), ("onnxruntime", 1), ("apus", 3)]
    assert "operator NonZero of node" in parts[1].why and "Fix:" not in parts[1].why
    session = apus.Session(found, threads=1)
    for rows in (3, 5):
        x = numbers(rows, 4)
        np.testing.assert_array_equal(session.run(None, {"x": x})[0], onnxruntime_outputs(FIND, {"x": x})[0])


@pytest.mark.filterwarnings("ignore:.*ONNX Runtime runs")
def test_examining_tells_how_much_is_native(found: Path) -> None:
    for path in (found, found.with_suffix(".onnx")):
        examined = examine(path, {"x": numbers(3, 4)}, runs=3)
        assert (examined.native, examined.nodes) == (4, 5)
        assert 0 < (examined.native_share or 0) < 1
        assert [layer["kernel"] for layer in examined.layers].count("onnxruntime") == 1
        assert examined.layers[0]["op"] == "unary relu"


def test_without_onnxruntime_the_file_says_what_to_do(found: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"1 nodes of this network were given .* pip install onnxruntime"):
        apus.Session(found)


def test_nobody_else_is_allowed_by_default(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperatorError, match=r"NonZero.*--allow onnxruntime"):
        apus.compile(FIND, tmp_path / "find.apus")
    with pytest.raises(RunError, match="allow='torch'"):
        apus.compile(FIND, tmp_path / "find.apus", allow="torch")


@pytest.mark.parametrize(("margin", "engines"), [(1e9, ["onnxruntime"]), (0.0, [])])
def test_a_part_goes_to_whom_runs_it_faster(margin: float, engines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARGIN", margin)
    monkeypatch.setattr(module, "SECONDS", 0.01)
    graph = share(CHAIN)
    assert [part.engine for part in graph.segments] == engines
    assert bool(graph.nodes) == (not engines)
    assert all("µs against" in part.why for part in graph.segments)
    x = numbers(2, 3)
    (y,) = apus.Session(artifact.to_bytes(graph), threads=1).run(None, {"x": x})
    np.testing.assert_allclose(y, onnxruntime_outputs(CHAIN, {"x": x})[0], rtol=1e-6)


def test_a_session_may_ask_for_the_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARGIN", 1e9)
    monkeypatch.setattr(module, "SECONDS", 0.01)
    session = apus.Session(CHAIN, threads=1, allow="onnxruntime")
    assert [row["kernel"] for row in session.plan({"x": [2, 3]})] == ["onnxruntime"]
    assert [row["kernel"] for row in apus.Session(CHAIN).plan({"x": [2, 3]})] != ["onnxruntime"]


def test_shapes_that_are_open_are_not_measured() -> None:
    open_model = text_model("m (float[N,T] x) => (float[N,T] y) { y = Relu(x) }")
    assert not share(open_model).segments
    graph = compile_graph(open_model, shapes={"x": [2, 3]}, allow="onnxruntime", threads=1)
    ends = graph.segments[0].inputs if graph.segments else graph.inputs
    assert ends == ["x"] and graph.values["x"].shape == [2, 3]


def test_a_sequence_stays_within_its_part() -> None:
    graph = share(WORDS, faster=False)
    assert [(part.engine, part.nodes) for part in graph.segments] == [("apus", 1), ("onnxruntime", 3)]
    x = numbers(2, 3)
    y, n = apus.Session(artifact.to_bytes(graph)).run(None, {"x": x})
    np.testing.assert_array_equal(y, -np.maximum(x, 0))
    assert n == 2


def test_an_input_that_no_file_can_declare_is_an_error() -> None:
    words = text_model("m (string[N] a, string[N] b) => (string[N] y) { y = StringConcat(a, b) }", 20)
    with pytest.raises(CompileError, match="input 'a' is object"):
        share(words)
    with pytest.raises(CompileError, match="not an ONNX model"):
        share(onnx.ModelProto())
