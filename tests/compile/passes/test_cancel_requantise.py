"""dequantize → quantize."""

import numpy as np
from agreement import engine_outputs, onnxruntime_outputs, ops, random_feed, text_model

from apus.compile import compile_model

BODY = (
    "{ q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)  o = QuantizeLinear(d, t, u)"
    "  y = DequantizeLinear(o, t, u) }"
)


def compiled(again: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    model = text_model(f"m (float[N,40] x) => (float[N,40] y) <float s = {{0.05}}, uint8 z = {{120}}, {again}> {BODY}")
    graph = compile_model(model)
    feed = random_feed(graph)
    return ops(graph), engine_outputs(graph, feed)[0], onnxruntime_outputs(model, feed, optimise=False)[0]


def test_equal_parameters_cancel() -> None:
    nodes, got, want = compiled("float t = {0.05}, uint8 u = {120}")
    assert nodes == ["quantize", "dequantize"] and (got == want).all()


def test_other_parameters_become_a_table_of_bytes() -> None:
    nodes, got, want = compiled("float t = {0.093}, uint8 u = {30}")
    assert nodes == ["quantize", "unary", "dequantize"] and (got == want).all()


def test_signed_and_unsigned_bytes_with_one_meaning_cancel() -> None:
    nodes, got, want = compiled("float t = {0.05}, int8 u = {-8}")
    assert nodes == ["quantize", "dequantize"] and (got == want).all()
