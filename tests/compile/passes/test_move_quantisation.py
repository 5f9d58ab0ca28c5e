"""Bytes, not floats, go through moves."""

import pytest
from agreement import check, ops, text_model

BYTES = "<float s = {0.05}, uint8 z = {120}, float t = {0.093}, uint8 u = {30}>"
MOVES = {
    "transpose": ("r = Transpose <perm = [0, 2, 1]> (d)", ["quantize", "transpose", "dequantize"]),
    "max pool": ("r = MaxPool <kernel_shape = [2]> (d)", ["quantize", "max_pool", "dequantize"]),
    "several": (
        "a = Transpose <perm = [0, 2, 1]> (d)  r = MaxPool <kernel_shape = [2]> (a)",
        ["quantize", "transpose", "max_pool", "dequantize"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(MOVES))
def test_moves_carry_bytes(name: str) -> None:
    body, expected = MOVES[name]
    model = text_model(
        f"m (float[N,4,6] x) => (float[A,B,C] y) {BYTES} {{ q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)"
        f"  {body}  o = QuantizeLinear(r, s, z)  y = DequantizeLinear(o, s, z) }}"
    )
    assert ops(check(model, atol=0)) == expected


def test_quantize_goes_above_moves() -> None:
    model = text_model(
        f"m (float[N,4,6] x) => (float[A,B,C] y) {BYTES} {{ a = Exp(x)  b = MaxPool <kernel_shape = [2]> (a)"
        "  c = Transpose <perm = [0, 2, 1]> (b)  q = QuantizeLinear(c, s, z)  y = DequantizeLinear(q, s, z) }"
    )
    graph = check(model, atol=1e-6)
    assert ops(graph) == ["unary", "quantize", "max_pool", "transpose", "dequantize"]


def test_quantize_above_concat_makes_one_per_branch() -> None:
    model = text_model(
        f"m (float[N,4,6] x) => (float[A,B,C] y) {BYTES} {{ a = Exp(x)  b = Abs(x)  c = Concat <axis = 1> (a, b)"
        "  q = QuantizeLinear(c, s, z)  y = DequantizeLinear(q, s, z) }"
    )
    assert sorted(ops(check(model, atol=1e-6))) == ["concat", "dequantize", "quantize", "quantize", "unary", "unary"]


def test_a_value_that_others_read_in_float_is_quantised_below() -> None:
    model = text_model(
        f"m (float[N,4,6] x) => (float[A,B,C] y, float[N,4,6] n) {BYTES} {{ a = Exp(x)  n = Neg(a)"
        "  b = MaxPool <kernel_shape = [2]> (a)  q = QuantizeLinear(b, s, z)  y = DequantizeLinear(q, s, z) }"
    )
    graph = check(model, atol=1e-6)
    assert ops(graph).index("max_pool") < ops(graph).index("quantize")


def test_padding_with_a_number_stays_in_float() -> None:
    model = text_model(
        f"m (float[N,4] x) => (float[A,B] y) {BYTES[:-1]}, int64[4] p = {{0, 1, 0, 1}}, float v = {{0.33}}>"
        " { q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)  y = Pad(d, p, v) }",
        18,
    )
    assert ops(check(model, atol=1e-6)) == ["quantize", "dequantize", "pad"]
