"""How close two runs are, before anything is timed; a contender is whatever has the shape of `protocol.Contender`."""

import numpy as np
import pytest

from apus.bench.agreement import agreement
from apus.errors import VerificationError


def test_the_largest_difference_counts() -> None:
    a, b = [np.array([[1.0, 2.0], [4.0, 3.0]]), np.zeros(3)], [np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(3)]
    found = agreement(a, b, reference="other")
    assert (found.reference, found.max_absolute, found.relative) == ("other", 1.0, 0.25)
    assert found.argmax_pct == pytest.approx(100 * 2 / 3)


def test_all_zeros_agree() -> None:
    assert agreement([np.zeros(2)], [np.zeros(2)], reference="r").relative == 0


@pytest.mark.parametrize("wrong", [[], [np.zeros(2)], [np.full(3, np.nan)]])
def test_other_shapes_counts_and_nan_are_refused(wrong: list[np.ndarray]) -> None:
    with pytest.raises(VerificationError):
        agreement(wrong, [np.zeros(3)], reference="r")
