import numpy as np

from apus.compile.lower.context import QuantisedConstant


def constant(integers: list[list[int]], scale: list[float], zero_point: list[int], axis: int) -> QuantisedConstant:
    return QuantisedConstant(np.int32(integers), np.float32(scale), np.int32(zero_point), axis)


def test_real_follows_the_axis() -> None:
    both = constant([[1, 2], [3, 4]], [0.5, 2.0], [0, 1], axis=0)
    assert both.real().tolist() == [[0.5, 1.0], [4.0, 6.0]]
    assert both.transpose([1, 0]).real().tolist() == [[0.5, 4.0], [1.0, 6.0]]


def test_int8_only_where_the_centred_integers_fit() -> None:
    assert constant([[0, 255]], [1.0], [128], axis=0).int8().tolist() == [[-128, 127]]
    assert constant([[0, 255]], [1.0], [100], axis=0).int8() is None
