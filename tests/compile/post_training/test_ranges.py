"""Ranges: what each method keeps, and that zero stays exact."""

import numpy as np
import pytest

from apus.compile.post_training.ranges import Observed, activation_parameters, activation_range, weight_scales
from apus.errors import DataError


def observed(array: np.ndarray) -> Observed:
    seen = Observed()
    seen.widen(array)
    seen.count(array)
    return seen


def rounded(x: np.ndarray, low: float, high: float) -> np.ndarray:
    scale, zero_point = activation_parameters(low, high)
    return (np.clip(np.rint(x / scale) + float(zero_point), 0, 255) - float(zero_point)) * scale


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 6.0), (-3.0, 0.0), (0.0, 0.0), (-1e-3, 7.0)])
def test_zero_is_exact_and_the_ends_are_covered(low: float, high: float) -> None:
    scale, _ = activation_parameters(low, high)
    ends = np.array([0.0, low, high])
    got = rounded(ends, low, high)
    assert got[0] == 0
    assert np.abs(got - ends).max() <= scale


def test_minmax_keeps_everything_and_percentile_cuts_the_tail() -> None:
    array = np.append(np.linspace(0, 1, 10_000), 100.0)
    assert activation_range(observed(array), "minmax", 100) == (0.0, 100.0)
    assert activation_range(observed(array), "percentile", 99.9)[1] < 2


def test_mse_has_the_least_error_of_the_three() -> None:
    array = np.random.default_rng(0).laplace(size=50_000)
    errors = {}
    for method in ("minmax", "percentile", "mse"):
        errors[method] = ((rounded(array, *activation_range(observed(array), method, 99.9)) - array) ** 2).mean()
    assert errors["mse"] <= min(errors["minmax"], errors["percentile"]) * 1.02
    assert errors["mse"] < 0.95 * errors["minmax"]


def test_each_row_has_its_scale_and_zeros_borrow_one() -> None:
    weight = np.array([[1.27, -0.5], [0.0, 0.0], [12.7, 1.0]])
    np.testing.assert_allclose(weight_scales(weight, "minmax"), [0.01, 0.1, 0.1], rtol=1e-6)
    assert weight_scales(np.zeros((2, 3)), "mse").min() > 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_no_range_covers_are_refused(bad: float) -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        Observed().widen(np.array([0.5, bad], np.float32))
