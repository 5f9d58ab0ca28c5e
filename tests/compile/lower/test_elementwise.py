"""`elementwise`: functions of one element and broadcasting operations, alone, against ONNX Runtime."""

import pytest
from agreement import check, ops, text_model
from reference import check_node, floats

X = "(float[N,4,6] x) => (float[A,B,C] y)"
TWO = "(float[N,4,6] x, float[N,1,6] z) => (float[A,B,C] y)"

UNARY = [
    "Relu", "HardSwish", "Sigmoid", "Tanh", "Exp", "Abs", "Neg", "Erf", "Floor", "Ceil", "Round", "Softplus",
    "LeakyRelu <alpha = 0.3>", "Elu <alpha = 0.7>", "HardSigmoid <alpha = 0.3, beta = 0.4>",
]  # fmt: skip


@pytest.mark.parametrize("operator", UNARY)
def test_unary(operator: str) -> None:
    name, _, attributes = operator.partition(" ")
    assert ops(check(text_model(f"m {X} {{ y = {name} {attributes} (x) }}"))) == ["unary"]


@pytest.mark.parametrize("operator", ["Log", "Sqrt", "Reciprocal"])
def test_unary_of_positive_numbers(operator: str) -> None:
    check(text_model(f"m {X} {{ z = Exp(x)  y = {operator}(z) }}"))


@pytest.mark.parametrize(
    "operator",
    ["Selu", "Selu <alpha = 0.5, gamma = 2.0>", "Celu", "Celu <alpha = 0.4>", "Softsign", "Mish"],
)
def test_activations_written_in_simpler_ones(operator: str) -> None:
    name, _, attributes = operator.partition(" ")
    check(text_model(f"m {X} {{ y = {name} {attributes} (x) }}", 18))


def test_celu_that_falls_below_zero_is_lowered_by_its_definition() -> None:
    check_node("Celu", {"x": floats(3, 4)}, alpha=-1.0)


@pytest.mark.parametrize("operator", ["Gelu", 'Gelu <approximate = "tanh">'])
def test_gelu(operator: str) -> None:
    check(text_model(f"m {X} {{ y = {operator}(x) }}", 20), atol=2e-6)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
def test_binary_broadcasts(operator: str) -> None:
    assert ops(check(text_model(f"m {TWO} {{ y = {operator}(x, z) }}"))) == ["binary"]


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize("order", ["x, c", "c, x"])
def test_binary_with_a_constant(operator: str, order: str) -> None:
    check(text_model(f"m {X} <float[4,1] c = {{1.5, -2.0, 3.0, 0.5}}> {{ y = {operator}({order}) }}"))


def test_pow_and_variadic() -> None:
    check(text_model(f"m {X} <float p = {{2.0}}> {{ y = Pow(x, p) }}"))
    check(text_model(f"m {TWO} <float c = {{0.25}}> {{ y = Max(c, x, z) }}"))
    check(text_model(f"m {TWO} {{ y = Sum(x, z, x) }}"))


@pytest.mark.parametrize("ends", ["low, high", "low", ",high"])
def test_clip(ends: str) -> None:
    ends = ends.replace(",high", '"", high')
    check(
        text_model(f"m {X} <float low = {{-0.5}}, float high = {{0.75}}> {{ y = Clip(x, {ends}) }}".replace('""', ""))
    )


def test_clip_with_min_above_max_gives_max() -> None:
    check(text_model(f"m {X} <float low = {{1.0}}, float high = {{-1.0}}> {{ y = Clip(x, low, high) }}"))


def test_prelu() -> None:
    check(text_model(f"m {X} <float[4,1] slope = {{0.1, 0.2, -0.3, 2.0}}> {{ y = PRelu(x, slope) }}"))
    check(text_model(f"m {X} <float[1] slope = {{0.1}}> {{ y = PRelu(x, slope) }}"))
