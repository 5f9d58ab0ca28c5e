"""What an echo holds is counted, capped and watched."""

import numpy as np
import pytest
import torch

from apus.data.guard import Held, leaves, size, versions
from apus.errors import DataError


def test_sizes_of_nested_values() -> None:
    value = {"x": torch.zeros(10), "y": [np.zeros(3), ("ab", 7)]}
    assert size(value) == 40 + 24 + 2 + 32
    assert len(list(leaves(value))) == 4


def test_the_cap_counts_what_is_held_now() -> None:
    held = Held(100, "here")
    held.put(0, b"x" * 60, again=True)
    held.drop(0)
    held.put(1, b"x" * 60, again=True)
    assert held.bytes == 60 and 1 in held and 0 not in held
    with pytest.raises(DataError, match="cap of 100"):
        held.put(2, b"x" * 60, again=True)


def test_edits_are_seen() -> None:
    held, x = Held(1000, "here"), torch.zeros(3)
    held.put(0, (x, 1), again=True)
    assert held.get(0)[1] == versions((x, 1)) == [0]
    x[0] = 1
    with pytest.raises(DataError, match="item 0 was changed in place"):
        held.get(0)
    array = np.zeros(3)
    held.put(1, array, again=True)
    with pytest.raises(ValueError, match="read-only"):
        array += 1
    once = np.zeros(3)
    held.put(2, once, again=False)
    once += 1
