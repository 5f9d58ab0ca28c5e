"""Loops and scans that are unrolled, branches that are chosen at run time (naming.py keeps their values apart)."""

import numpy as np
import pytest
from agreement import engine_outputs, onnxruntime_outputs, text_model

from apus.compile import compile_model
from apus.errors import CompileError

SCAN = (
    "m (float[2] s, float[3,2] x) => (float[2] f, float[3,2] y) { f, y = Scan <num_scan_inputs = 1, body = b"
    " (float[2] a, float[2] e) => (float[2] n, float[2] o) { n = Add(a, e)  o = Mul(n, n) }> (s, x) }"
)
LOOP = (
    "m (float[2] x) => (float[2] f, float[A,2] y) <int64 k = {4}> { f, y = Loop <body = b (int64 i, bool c, float[2] a)"
    " => (bool d, float[2] n, float[2] o) { d = Identity(c)  t = Cast <to = 1> (i)  n = Add(a, t)  o = Neg(n) }>"
    " (k, , x) }"
)


@pytest.mark.parametrize("body", [SCAN, LOOP])
def test_known_iterations_are_unrolled(body: str) -> None:
    model = text_model(body)
    feed = {"s": np.float32([1, 2])} if "s, float" in body else {}
    feed["x"] = np.arange(6, dtype=np.float32).reshape(3, 2) if feed else np.float32([3, 4])
    for mine, theirs in zip(engine_outputs(compile_model(model), feed), onnxruntime_outputs(model, feed), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_a_loop_whose_end_depends_on_data_is_refused() -> None:
    body = LOOP.replace("d = Identity(c)", "z = ReduceSum <keepdims = 0> (a)  w = Neg(z)  d = Less(z, w)")
    with pytest.raises(CompileError, match="whether it goes on depends on data"):
        compile_model(text_model(body))
