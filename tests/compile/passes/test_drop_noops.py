import pytest
from agreement import check, ops, text_model

HEAD = (
    "m (float[N,4] x) => (float[N,4] y)"
    " <float one = {1.0}, float zero = {0.0}, int64[2] s = {0, 4}, float[1,4] ones = {1,1,1,1}>"
)
BODIES = {
    "reshape": "a = Exp(x)  y = Reshape(a, s)",
    "transpose": "a = Transpose <perm = [0, 1]> (x)  y = Exp(a)",
    "times one": "a = Exp(x)  y = Mul(a, ones)",
    "plus zero": "a = Add(x, zero)  y = Exp(a)",
    "power one": "a = Exp(x)  y = Pow(a, one)",
    "dropout": "a = Exp(x)  y = Dropout(a)",
}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_what_changes_nothing_goes(name: str) -> None:
    assert ops(check(text_model(f"{HEAD} {{ {BODIES[name]} }}"))) == ["unary"]


def test_relu_after_relu_goes() -> None:
    assert len(check(text_model(f"{HEAD} {{ a = Relu(x)  y = Relu(a) }}")).nodes) == 1


def test_what_grows_the_shape_stays() -> None:
    model = text_model("m (float[N,1] x) => (float[A,B] y) <float[1,4] ones = {1,1,1,1}> { y = Mul(x, ones) }")
    assert ops(check(model)) == ["binary"]


def test_a_network_that_does_nothing_still_has_its_output() -> None:
    assert len(check(text_model(f"{HEAD} {{ y = Mul(x, one) }}")).nodes) == 1
