"""adaptive.py and hybrid.py: what is compiled when it is fed, and what is shared with ONNX Runtime."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from agreement import onnxruntime_outputs, text_model

from apus import _native
from apus.artifact import encode, to_bytes
from apus.compile.adaptive import MAX_PLANS, Adaptive
from apus.compile.hybrid import Hybrid
from apus.compile.model import compile_model
from apus.compile.source import load
from apus.errors import ArtifactError, CompileError, MissingExtraError

HEAD = '<ir_version: 8, opset_import: ["": 17]> '
TOP = "m (float[N,T] x, int64[1] k) => (float[A,B] y, int64[A,B] i) { r = Relu(x)  y, i = TopK(r, k) }"
FIND = (
    "m (float[N,4] x) => (float[A] y) { r = Relu(x)  i = NonZero(r)  t = Transpose(i)  v = GatherND(r, t)  y = Neg(v) }"
)
MATRIX = "m (float[N,2] x) => (float[N,2] y) <float[2,2] w = {%s}> { y = MatMul(x, w) }"
WEIGHT = ", ".join(f"{0.1 * ((i * 7) % 11 - 5):.2f}" for i in range(64))
ATTENTION = (
    f"m (float[N,T,8] x) => (float[N,T,8] y) <float[8,8] w = {{{WEIGHT}}}, int64[1] a = {{0}}, int64[2] b = {{2, 4}},"
    " int64[1] z = {0}, int64 i = {1}>"
    " { s = Shape(x)  t = Gather(s, i)  u = Unsqueeze(t, z)  h = Concat <axis = 0> (a, u, b)  q = MatMul(x, w)"
    "  r = Reshape(q, h)  p = Transpose <perm = [0, 2, 1, 3]> (r)  k = Transpose <perm = [0, 2, 3, 1]> (r)"
    "  c = MatMul(p, k)  e = Softmax <axis = -1> (c)  o = MatMul(e, p)  v = Transpose <perm = [0, 2, 1, 3]> (o)"
    "  y = Reshape(v, s) }"
)


def test_each_shape_and_each_deciding_value_gets_a_plan_and_old_ones_go() -> None:
    model = text_model(TOP)
    adaptive = Adaptive(model, threads=1)
    for rows in range(1, 4):
        for k in range(1, 5):
            feed = {
                "x": np.random.default_rng(rows).standard_normal((rows, 6)).astype(np.float32),
                "k": np.asarray([k]),
            }
            for mine, theirs in zip(adaptive.run(feed), onnxruntime_outputs(model, feed), strict=True):
                np.testing.assert_array_equal(mine, theirs)
    assert len(adaptive._plans) == MAX_PLANS


def test_shape_arithmetic_of_a_transformer_folds_at_each_sequence_length() -> None:
    model = text_model(ATTENTION)
    adaptive = Adaptive(model)
    for batch, steps in ((1, 3), (2, 7)):
        x = np.random.default_rng(0).standard_normal((batch, steps, 8)).astype(np.float32)
        (want,) = onnxruntime_outputs(model, {"x": x})
        np.testing.assert_allclose(adaptive.run({"x": x})[0], want, rtol=1e-4, atol=1e-5)
        _, graph = adaptive.plan({"x": x})
        assert all(value.dtype == "float32" for value in graph.values.values())


def anonymous() -> float:
    """Megabytes of memory that is this process's own."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def test_plans_of_several_shapes_share_their_weights() -> None:
    model = onnx.parser.parse_model(
        HEAD + "m (float[N,1024] x, int64[2] s) => (float[A,B] y) { p = MatMul(x, w)  y = Reshape(p, s) }"
    )
    weight = np.random.default_rng(0).standard_normal((1024, 4096)).astype(np.float32)  # 16 MB
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    adaptive = Adaptive(model, threads=1)

    def check(rows: int) -> None:
        x = np.random.default_rng(rows).standard_normal((rows, 1024)).astype(np.float32)
        (y,) = adaptive.run({"x": x, "s": np.asarray([rows * 2, 2048])})
        np.testing.assert_allclose(y.reshape(rows, -1), x @ weight, rtol=1e-3, atol=1e-3)

    check(1)
    before = anonymous()
    for rows in range(2, 6):
        check(rows)
    assert anonymous() - before < 40  # four copies for the engine and four in graphs would be 128
    for rows in range(6, MAX_PLANS + 4):  # the first, whose bytes the others borrow, is let go
        check(rows)
    check(3)


def test_a_new_shape_gives_the_file_that_compiling_afresh_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the model is loaded and cleaned once, and what the engine reads is not read back before."""
    loads: list[object] = []
    monkeypatch.setattr("apus.compile.source.load", lambda model: loads.append(model) or load(model))
    model = text_model(ATTENTION)
    adaptive = Adaptive(model, threads=1)
    for batch, steps in ((1, 3), (2, 7), (1, 5)):
        x = np.zeros((batch, steps, 8), np.float32)
        _, graph = adaptive.plan({"x": x})
        assert encode(graph) == to_bytes(compile_model(text_model(ATTENTION), shapes={"x": [*x.shape]}))
    assert sum(one is model for one in loads) == 1


def test_what_is_lent_must_be_the_same_bytes() -> None:
    one, two = (to_bytes(compile_model(text_model(MATRIX % weight))) for weight in ("1, 2, 3, 4", "1, 2, 3, 5"))
    lender = _native.Model.from_bytes(one)
    x = np.ones((1, 2), np.float32)
    for data, want in ((one, [4, 6]), (two, [4, 7])):
        model = _native.Model.from_bytes(data, [lender, lender])
        np.testing.assert_array_equal(_native.Session(model, 1).run([x])[0], [want])
    borrowed = _native.Model.from_bytes(one, [lender])
    again = _native.Model.from_bytes(one, [borrowed])
    del lender, borrowed, model
    np.testing.assert_array_equal(_native.Session(again, 1).run([x])[0], [[4, 6]])
    with pytest.raises(ArtifactError, match="damaged"):
        _native.Model.from_bytes(one[:-1] + bytes([one[-1] ^ 1]), [again])


def test_onnxruntime_runs_what_the_engine_refuses() -> None:
    model = text_model(FIND)
    hybrid = Hybrid(model, threads=1)
    for seed in (0, 1):  # as many results as there are positive elements: other shapes in the same segments
        x = np.random.default_rng(seed).standard_normal((3, 4)).astype(np.float32)
        (want,) = onnxruntime_outputs(model, {"x": x})
        np.testing.assert_array_equal(hybrid.run({"x": x})[0], want)
    assert [segment.native for segment in hybrid.segments] == [True, False, True]
    assert hybrid.native_fraction == pytest.approx(4 / 5)
    with pytest.raises(CompileError, match="operator NonZero of node"):
        Adaptive(model).run({"x": x})


def test_without_onnxruntime_one_error_names_the_operator_and_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"cannot run NonZero of node.*pip install onnxruntime"):
        Hybrid(text_model(FIND)).run({"x": np.ones((2, 4), np.float32)})
