"""What is held at a cut is exactly what is emitted again."""

from collections import Counter
from fractions import Fraction

import pytest

from apus.data.resume import held
from apus.techniques.echo import Schedule, Spread, emissions

COUNT = 57


@pytest.mark.parametrize("factor", [Fraction(1), Fraction(3, 2), Fraction(13, 5), Fraction(4)])
@pytest.mark.parametrize("spread", ["stride", "buffer", "none"])
@pytest.mark.parametrize("size", [1, 3, 32])
def test_held_is_what_comes_again(factor: Fraction, spread: Spread, size: int) -> None:
    for start in (0, 7):
        schedule = Schedule(factor, spread, size, start, key=3)
        whole = list(emissions(schedule, lambda i: i < COUNT))
        for cut in range(len(whole) + 1):
            left, fresh = held(schedule, COUNT, cut)
            again = Counter(i for i, _ in whole[cut:])
            assert left == {i: n for i, n in again.items() if i < fresh}
            assert list(left) == sorted(left) and all(i < fresh for i, _ in whole[:cut])
