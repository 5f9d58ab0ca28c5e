"""Symbolic shapes. Integers are checked wherever the oracle runs: it compares declared with computed."""

from typing import Any

import pytest

from apus.artifact import Graph, Node, Value
from apus.compile.shapes import INT32_MAX, infer


def shape(op: str, x: list[int | str], **attributes: Any) -> list[int | str]:
    graph = Graph("g", ["x"], [], {"x": Value("float32", x)})
    return infer(Node(op, op, ["x"], ["y"], attributes), graph)


WINDOW: dict[str, Any] = {"kernel": [3], "strides": [1], "pads": [0, 0], "dilations": [1]}


def test_windows_over_symbols() -> None:
    assert shape("max_pool", ["N", 4, "T"], **WINDOW) == ["N", 4, "(T-2)"]
    assert shape("max_pool", ["N", 4, "T"], **WINDOW | {"pads": [1, 1]}) == ["N", 4, "T"]
    assert shape("max_pool", ["N", 4, "T"], **WINDOW | {"strides": [2]}) == ["N", 4, "((T-3)//2+1)"]
    with pytest.raises(ValueError, match="rank 2"):
        shape("max_pool", ["N", 4], **WINDOW)


def test_ceil_mode_drops_a_window_that_starts_in_the_padding() -> None:
    attributes = {"kernel": [1], "strides": [2], "pads": [0, 1], "dilations": [1], "ceil_mode": 1}
    assert shape("max_pool", [1, 1, 4], **attributes) == [1, 1, 2]
    assert shape("max_pool", [1, 1, 5], **attributes) == [1, 1, 3]


def test_reshape_and_flatten_of_symbols() -> None:
    assert shape("reshape", ["N", 4, 6], shape=[0, -1]) == ["N", 24]
    assert shape("reshape", ["N", 4, 6], shape=[-1, 6]) == ["4*N", 6]
    assert shape("flatten", ["N", "T", 6], axis=2) == ["N*T", 6]


def test_slices_of_symbols() -> None:
    def cut(start: int, end: int, step: int = 1) -> Any:
        return shape("slice", ["T"], starts=[start], ends=[end], axes=[0], steps=[step])[0]

    assert cut(0, INT32_MAX) == "T" and cut(2, INT32_MAX) == "(T-2)"
    assert cut(-3, INT32_MAX) == 3 and cut(1, 5) == 4
    assert cut(0, -1) == "(T[0:-1:1])"
