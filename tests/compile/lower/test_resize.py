"""Resize in its many modes, against the standard's reference."""

from typing import Any

import numpy as np
import pytest
import torch
from agreement import check, text_model
from reference import check_node, floats

import apus
from apus.errors import CompileError

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


def by_sizes(n: int, out: int, place: str, rounding: str) -> Any:
    body = f'Resize <mode="nearest", coordinate_transformation_mode="{place}", nearest_mode="{rounding}">'
    return text_model(
        f"m (float[1,1,{n}] x) => (float[A,B,C] y) <int64[3] s = {{1, 1, {out}}}> {{ y = {body} (x, , , s) }}", 18
    )


def places(model: Any, n: int) -> list[int]:
    (y,) = apus.Session(model, threads=1, allow="nothing").run(None, {"x": np.arange(n, dtype=np.float32)[None, None]})
    return [int(v) for v in y.ravel()]


@pytest.mark.parametrize(("n", "out"), [(14, 2), (7, 8), (31, 62), (21, 34), (49, 7), (64, 129)])
def test_sizes_are_taken_exactly(n: int, out: int) -> None:
    """14 to 2: the second place is 7.0, which dividing by a float32 scale misses."""
    expected = torch.nn.functional.interpolate(torch.arange(float(n))[None, None], size=out, mode="nearest")
    assert places(by_sizes(n, out, "asymmetric", "floor"), n) == [int(v) for v in expected.ravel()]
    above = [min((2 * x * n + out) // (2 * out), n - 1) for x in range(out)]
    assert places(by_sizes(n, out, "asymmetric", "round_prefer_ceil"), n) == above


def by_scale(n: int, scale: float, options: str) -> Any:
    constants = f"<float[3] s = {{1, 1, {scale}}}>"
    return text_model(f"m (float[1,1,{n}] x) => (float[A,B,C] y) {constants} {{ y = Resize <{options}> (x, , s) }}", 18)


def test_a_tie_of_the_scale_that_was_meant_is_one() -> None:
    """Place 6 of 1.3 lies at 6.5 / 1.3 - 0.5 = 4.5: halfway, whatever float32 makes of 1.3."""
    model = by_scale(11, 1.3, 'mode="nearest", nearest_mode="round_prefer_floor"')
    assert places(model, 11)[6] == 4
    check(model, {"x": np.arange(11, dtype=np.float32).reshape(1, 1, 11)})


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_length_that_hangs_on_rounding_is_refused(mode: str) -> None:
    with pytest.raises(CompileError, match=r"scale 1\.3 makes 12 or 13 places of 10, by rounding: give sizes"):
        apus.Session(by_scale(10, 1.3, f'mode="{mode}"'), threads=1, allow="nothing")


def test_a_neighbour_that_hangs_on_rounding_is_refused() -> None:
    with pytest.raises(CompileError, match="on the border between two neighbours, so that rounding decides"):
        apus.Session(by_scale(13, 0.6, 'mode="nearest", nearest_mode="floor"'), threads=1, allow="nothing")


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_nothing_left_is_an_empty_result(mode: str) -> None:
    resize([1, 1, 0.125, 2], mode=mode)
    resize([1, 1, 2, 2], floats(1, 2, 0, 4), mode=mode)


def test_something_of_nothing_is_refused() -> None:
    with pytest.raises(CompileError, match=r"sizes \[1, 1, 3\] of \[1, 1, 0\]: nothing cannot become something"):
        apus.Session(by_sizes(0, 3, "asymmetric", "floor"), threads=1, allow="nothing")


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_an_axis_that_keeps_its_size_may_be_symbolic(mode: str) -> None:
    model = text_model(
        "m (float[N,2,3,4] x) => (float[N,2,6,10] y) <float[4] s = {1, 1, 2, 2.5}> "
        f'{{ y = Resize <mode="{mode}"> (x, , s) }}',
        18,
    )
    check(model, {"x": floats(3, 2, 3, 4)})
