import pytest

from apus.compile.dims import add, broadcast, divide, multiply, product, subtract


def test_products_have_one_normal_form() -> None:
    assert multiply("b", "a") == multiply("a", "b") == "a*b"
    assert multiply(multiply("a", 2), multiply(3, "b")) == "6*a*b" == product(["a", 6, "b"])
    assert multiply("a", 0) == 0 and product([]) == 1
    assert multiply("(a+1)", "b") == "(a+1)*b", "an opaque atom stays whole"


def test_division_cancels() -> None:
    assert divide("6*a*b", "2*b") == "3*a"
    assert divide(7, 2) == 3
    assert divide("a", 2) == "(a//2)"
    assert divide(4, "a") == "(4//a)"


def test_sums() -> None:
    assert add("a", "a") == "2*a" and subtract("2*a", "a") == "a"
    assert add(0, "a") == add("a", 0) == subtract("a", 0) == "a"
    assert subtract("a", "a") == 0
    assert add("a", "b") == "(a+b)" and subtract(3, "a") == "(3-a)"


def test_broadcast() -> None:
    assert broadcast(["N", 1, 3], [5, 1]) == ["N", 5, 3]
    assert broadcast(["N"], ["N"]) == ["N"] and broadcast(["N"], [4]) == [4] and broadcast([1], ["N"]) == ["N"]
    with pytest.raises(ValueError, match="2 and 3"):
        broadcast([2], [3])
