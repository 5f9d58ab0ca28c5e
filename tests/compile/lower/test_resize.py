"""Resize in its many modes, against the standard's reference."""

from typing import Any

import numpy as np
import pytest
from reference import check_node, floats

PLACES = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"]


def resize(scales: list[float], x: Any = None, **attributes: Any) -> None:
    feed = {"x": floats(1, 2, 5, 4) if x is None else x, "": np.zeros(0), "s": np.asarray(scales, np.float32)}
    check_node("Resize", feed, opset=19, known=("s",), **attributes)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("scales", [[1, 1, 2, 2.5], [1, 1, 0.6, 0.8]])
def test_scales(place: str, mode: str, scales: list[float]) -> None:
    resize(scales, mode=mode, coordinate_transformation_mode=place)


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
def test_nearest_modes(rounding: str) -> None:
    resize([1, 1, 1.7, 0.5], mode="nearest", nearest_mode=rounding)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("more", [{"antialias": 1}, {"exclude_outside": 1}])
def test_options_of_the_kernel(mode: str, more: dict[str, int]) -> None:
    if mode == "linear" and "exclude_outside" in more:
        more = {"antialias": 1}
    resize([1, 1, 0.6, 0.8], mode=mode, **more)


def test_integers_by_nearest() -> None:
    resize([1, 1, 2, 2], np.arange(12).reshape(1, 1, 3, 4), mode="nearest")
