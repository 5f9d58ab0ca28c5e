import pytest
from agreement import check, text_model

HEAD = "m (float[N,2] x) => (float[A,B] y) <float[2,3] w = {1,2,-3,4,5,6}, float six = {6.0}, float zero = {0.0}>"
FUSED = {
    "relu": "y = Relu(c)",
    "clip": "y = Clip(c, zero, six)",
    "hard_sigmoid": "y = HardSigmoid <alpha = 0.25, beta = 0.4> (c)",
    "hard_swish": "y = HardSwish(c)",
    "sigmoid": "y = Sigmoid(c)",
    "tanh": "y = Tanh(c)",
    "silu": "s = Sigmoid(c)  y = Mul(c, s)",
    "leaky_relu": "y = LeakyRelu <alpha = 0.3> (c)",
}


@pytest.mark.parametrize("name", sorted(FUSED))
def test_after_a_matrix(name: str) -> None:
    graph = check(text_model(f"{HEAD} {{ c = MatMul(x, w)  {FUSED[name]} }}"))
    assert [node.attributes.get("activation") for node in graph.nodes] == [name]


@pytest.mark.parametrize(("function", "nodes"), [("Relu", 1), ("Tanh", 2)])
def test_after_a_sum_only_what_bytes_can_do_too(function: str, nodes: int) -> None:
    model = text_model(f"m (float[N,2] x, float[N,2] z) => (float[N,2] y) {{ s = Add(x, z)  y = {function}(s) }}")
    assert len(check(model).nodes) == nodes


@pytest.mark.parametrize("body", ["y = Exp(c)", "z = Relu(c)  y = Add(z, c)", "a = Relu(c)  y = Tanh(a)"])
def test_what_cannot_be_fused_stays(body: str) -> None:
    assert len(check(text_model(f"{HEAD} {{ c = MatMul(x, w)  {body} }}")).nodes) >= 2
