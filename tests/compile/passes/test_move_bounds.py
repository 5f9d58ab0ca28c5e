"""Bounds before a quantize gather into one clip that the matrix applies."""

import pytest
from agreement import check, ops, text_model

HEAD = (
    "m (float[N,1,4,4] x) => (float[A,B,C,D] y{more})"
    " <float s = {{0.25}}, {kind} z = {{{zero}}}, float c = {{{bound}}},"
)
WEIGHT = (
    " float l = {0.1}, float h = {1.2}, float[2,1,1] each = {0.5, 0.7},"
    " float[2,1,1,1] w = {0.9, -1.7}, float[2] b = {0.1, 0.6}>"
)
CHAIN = "a = Conv(x, w, b)  r = Relu(a)  p = MaxPool <kernel_shape = [2, 2]> (r)  o = Min(p, c)"
LAST = "q = QuantizeLinear(o, s, z)  y = DequantizeLinear(q, s, z)"


def model(body, kind="uint2", zero=0, bound=0.74, more=""):
    head = HEAD.format(kind=kind, zero=zero, bound=bound, more=more)
    return text_model(f"{head}{WEIGHT} {{ {body} }}", 25)


@pytest.mark.parametrize(("kind", "zero"), [("uint2", 0), ("uint4", 1), ("int4", -1), ("uint8", 0)])
def test_relu_pool_and_range_become_the_convolutions_clip(kind, zero):
    graph = check(model(f"{CHAIN}  {LAST}", kind, zero), atol=1e-6)
    assert ops(graph) == ["conv", "quantize", "max_pool", "dequantize"]
    assert graph.nodes[0].attributes["activation"] == "clip"


def test_a_clip_after_a_clip_is_their_meet():
    body = f"a = Conv(x, w, b)  m = Max(a, c)  p = MaxPool <kernel_shape = [2, 2]> (m)  o = Clip(p, l, h)  {LAST}"
    graph = check(model(body, "uint8", 3, 0.3), atol=1e-6)
    assert graph.nodes[0].attributes["clip"] == pytest.approx([0.3, 1.2])


def test_what_another_reads_unbounded_stays():
    graph = check(model(f"{CHAIN}  n = Neg(p)  {LAST}", "uint8", more=", float[A,B,C,D] n"), atol=1e-6)
    assert graph.nodes[0].attributes["activation"] == "relu"


def test_a_bound_per_channel_stays():
    body = f"{CHAIN.replace('Min(p, c)', 'Min(p, each)')}  {LAST}"
    assert "binary" in ops(check(model(body, "uint8"), atol=1e-6))
