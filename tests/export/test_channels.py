import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from apus.export.channels import Channels
from apus.export.pruned import remove_pruned
from apus.export.weights import find_weight

HEAD = '<ir_version: 10, opset_import: ["": 21]>'
X = np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32)


def model(body, output, **weights):
    """A network of the given nodes; weights are constants."""
    proto = onnx.parser.parse_model(f"{HEAD} m (float[2,3,6,6] x) => (float[{output}] y) {{ {body} }}")
    proto.graph.initializer.extend(numpy_helper.from_array(np.asarray(w, np.float32), n) for n, w in weights.items())
    return proto


def weight(*shape, dead=(), unread=()):
    w = np.random.default_rng(sum(shape)).normal(size=shape)
    w[list(dead)] = 0
    w[:, list(unread)] = 0
    return w


def cut(proto):
    """Removes what can go; the answers stay what they were. Shapes of the constants left."""
    before = ReferenceEvaluator(proto).run(None, {"x": X})[0]
    remove_pruned(proto)
    onnx.checker.check_model(proto, full_check=True)
    np.testing.assert_allclose(ReferenceEvaluator(proto).run(None, {"x": X})[0], before, rtol=1e-5, atol=1e-5)
    return {t.name: tuple(t.dims) for t in proto.graph.initializer}


def test_dead_and_unread_channels_go():
    body = "a = Conv(x, w) r = Relu(a) y = Conv(r, v)"
    left = cut(model(body, "2,4,6,6", w=weight(8, 3, 1, 1, dead=[0, 3]), v=weight(4, 8, 1, 1, unread=[5])))
    assert left == {"w": (5, 3, 1, 1), "v": (4, 5, 1, 1)}


@pytest.mark.parametrize("function", ["Sigmoid", "Exp"])
def test_what_makes_zeros_other_numbers_keeps_them(function):
    body = f"a = Conv(x, w) r = {function}(a) y = Conv(r, v)"
    left = cut(model(body, "2,4,6,6", w=weight(8, 3, 1, 1, dead=[0]), v=weight(4, 8, 1, 1)))
    assert left["w"] == (8, 3, 1, 1)


def test_a_bias_alone_keeps_a_channel():
    body = "a = Conv(x, w, b) y = Conv(a, v)"
    left = cut(model(body, "2,4,6,6", w=weight(8, 3, 1, 1, dead=[0, 1]), b=np.eye(8)[0], v=weight(4, 8, 1, 1)))
    assert left["w"] == (7, 3, 1, 1) and left["b"] == (7,)


def test_outputs_of_the_network_stay_and_one_channel_is_left():
    assert cut(model("y = Conv(x, w)", "2,8,6,6", w=weight(8, 3, 1, 1, dead=range(8)))) == {"w": (8, 3, 1, 1)}
    body = "a = Conv(x, w) y = Conv(a, v)"
    left = cut(model(body, "2,4,6,6", w=weight(8, 3, 1, 1, dead=range(8)), v=weight(4, 8, 1, 1)))
    assert left["w"] == (1, 3, 1, 1)


def test_flattened_channels_leave_the_matrix_in_rows():
    body = "a = Conv(x, w) f = Flatten(a) y = MatMul(f, m)"
    left = cut(model(body, "2,5", w=weight(4, 3, 1, 1, dead=[2]), m=weight(144, 5)))
    assert left == {"w": (3, 3, 1, 1), "m": (108, 5)}


def test_a_constant_read_twice_is_cut_for_each_reader():
    body = "a = Conv(x, w) b = Conv(a, v) c = Conv(b, v) y = Conv(c, u)"
    w, v, u = weight(4, 3, 1, 1, dead=[1]), weight(4, 4, 1, 1, dead=[0]), weight(2, 4, 1, 1)
    left = cut(model(body, "2,2,6,6", w=w, v=v, u=u))
    assert left["v"] == (3, 3, 1, 1) and left["v.2"] == (3, 3, 1, 1)


def test_zeros_are_known_and_a_transposed_weight_is_seen_so():
    proto = model("a = Conv(x, w) t = Transpose(m) f = Flatten(a) y = MatMul(f, t)", "2,5",
                  w=weight(4, 3, 1, 1, dead=range(4)), m=weight(5, 144))  # fmt: skip
    found = Channels(proto)
    assert found.is_zero("a") and found.is_zero("f") and not found.is_zero("x")
    assert find_weight(found.constants, found.made, "t").order == [1, 0]
