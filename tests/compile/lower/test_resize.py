"""Resize in its many modes, against the standard's reference."""

from typing import Any

import numpy as np
import pytest
from agreement import check, text_model
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


@pytest.mark.parametrize("scale", [0.7, 1.7])
@pytest.mark.parametrize("place", ["asymmetric", "half_pixel", "pytorch_half_pixel"])
@pytest.mark.parametrize("rounding", ["floor", "round_prefer_floor"])
def test_nearest_is_onnxruntimes(scale: float, place: str, rounding: str) -> None:
    body = f'Resize <mode="nearest", coordinate_transformation_mode="{place}", nearest_mode="{rounding}">'
    constants = f"<float[3] s = {{1, 1, {scale}}}>"
    model = text_model(f"m (float[1,1,51] x) => (float[A,B,C] y) {constants} {{ y = {body} (x, , s) }}", 18)
    check(model, {"x": np.arange(51, dtype=np.float32).reshape(1, 1, 51)})


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("more", [{"antialias": 1}, {"exclude_outside": 1}])
def test_options_of_the_kernel(mode: str, more: dict[str, int]) -> None:
    if mode == "linear" and "exclude_outside" in more:
        more = {"antialias": 1}
    resize([1, 1, 0.6, 0.8], mode=mode, **more)


def test_integers_by_nearest() -> None:
    resize([1, 1, 2, 2], np.arange(12).reshape(1, 1, 3, 4), mode="nearest")
