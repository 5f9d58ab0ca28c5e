import numpy as np
import pytest

from apus.data import Arrays, hold_out
from apus.errors import DataError


def test_every_input_needs_a_target():
    with pytest.raises(DataError, match="3 inputs but 2 targets"):
        Arrays(np.zeros(3), np.zeros(2))


@pytest.mark.parametrize("count", [0, 5, 6])
def test_hold_out_leaves_both_splits_filled(count):
    with pytest.raises(DataError, match="hold out"):
        hold_out(Arrays(np.zeros(5), np.zeros(5)), count)
