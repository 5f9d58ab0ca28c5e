import numpy as np
import onnx
import onnxruntime
import pytest

import apus

BODY = "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)"


def model(kind, body=BODY, output="float[N,64] y"):
    low = {"int16": 0, "uint16": 5}[kind]
    text = f"""<ir_version: 10, opset_import: ["": 21]> m (float[N,64] x) => ({output})
    <float s = {{0.013}}, {kind} z = {{{low}}}> {{ {body} }}"""
    return onnx.parser.parse_model(text).SerializeToString()


@pytest.mark.parametrize("kind", ["int16", "uint16"])
def test_16_bit_activations_are_rounded_and_clipped_as_the_standard_says(kind):
    x = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32) * 300
    x[0, :4] = [1e9, -1e9, 0.0195, -0.0065]
    wanted = onnxruntime.InferenceSession(model(kind), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    assert np.unique(wanted).size > 1000
    np.testing.assert_array_equal(apus.Session(model(kind)).run(None, {"x": x})[0], wanted)
