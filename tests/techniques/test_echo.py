"""The schedule: exact copies, cut anywhere, spread apart, and the formulas."""

from fractions import Fraction

import pytest

from apus.techniques.echo import (
    FOREVER,
    Schedule,
    Spread,
    choose_factor,
    emissions,
    free_factor,
    ratio,
    rational,
    stall,
    step_time,
    stride_without_duplicates,
)

FACTORS = [Fraction(1), Fraction(9, 8), Fraction(3, 2), Fraction(2), Fraction(13, 5), Fraction(4)]
SPREADS: list[Spread] = ["stride", "buffer", "none"]


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("start", [0, 7])
def test_every_item_exactly_its_copies_and_any_cut_goes_on(factor: Fraction, spread: Spread, start: int) -> None:
    for count in (0, 1, 5, 57):
        for size in (1, 3, 32):
            schedule = Schedule(factor, spread, size, start, key=3)
            whole = list(emissions(schedule, lambda i, n=count: i < n))
            assert sorted(whole) == [(i, k) for i in range(count) for k in range(schedule.copies(i))]
            assert len(whole) == schedule.total(count)
            for cut in range(0, len(whole) + 1, 5):
                assert list(emissions(schedule, lambda i, n=count: i < n, cut, None, count)) == whole[cut:]


def test_the_error_of_a_total_is_below_one() -> None:
    for factor in (1.1, 2.6, 3.7):
        schedule = Schedule(rational(factor))
        assert all(abs(schedule.total(n) - n * schedule.factor) < 1 for n in range(500))  # type: ignore[operator]


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("batch", [8, 32])
def test_a_stride_keeps_copies_out_of_any_batch(factor: Fraction, batch: int) -> None:
    schedule = Schedule(factor, "stride", stride_without_duplicates(factor, batch))
    items = [i for i, _ in emissions(schedule, lambda i: i < 533)]
    for first in range(len(items) - batch):
        assert len(set(items[first : first + batch])) == batch


def test_a_small_stride_does_not() -> None:
    items = [i for i, _ in emissions(Schedule(Fraction(2), "stride", 2), lambda i: i < 50)]
    assert any(len(set(items[a : a + 8])) < 8 for a in range(len(items) - 8))


def test_the_buffer_shuffles_by_its_key_alone() -> None:
    one, again, other = (
        list(emissions(Schedule(Fraction(2), "buffer", 16, key=key), lambda i: i < 40)) for key in (1, 1, 2)
    )
    assert one == again and one != other and one != sorted(one)


def test_a_factor_chosen_on_the_way_holds_from_its_item_on() -> None:
    for spread in SPREADS:
        open_ = Schedule(None, spread, 4, start=10)
        made = Schedule(Fraction(3), spread, 4, start=10)
        chosen = list(emissions(open_, lambda i: i < 30, 0, lambda made=made: made))
        assert chosen == list(emissions(made, lambda i: i < 30))


def test_endless_streams_are_lazy() -> None:
    stream = emissions(Schedule(Fraction(5, 2), "stride", 4), lambda i: True, 10**12)
    (i, _), (j, _) = next(stream), next(stream)
    assert abs(i - j) in (4, 8) and i < FOREVER


@pytest.mark.parametrize("wrong", [0.5, -1, float("inf"), float("nan")])
def test_factors_below_one_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rational(wrong)


def test_formulas() -> None:
    assert step_time(0.6, 0.01, 0.1, 5) == pytest.approx(0.12)
    assert step_time(0.6, 0.2, 0.1, 5) == 0.2
    assert free_factor(0.6, 0.05, 0.1) == pytest.approx(6)
    assert ratio(2, 1.0, 0.5) == 4 and ratio(2, 0.5, 0.0) == 1
    assert stall(2, 4) == 0.5 and stall(5, 4) == 0


@pytest.mark.parametrize(("R", "wanted"), [(0.4, 1), (1.0, 1), (1.02, 1), (1.3, 1.375), (2.6, 2.75), (3.9, 4), (60, 4)])
def test_the_chosen_factor_is_within_15_percent_and_never_slows(R: float, wanted: float) -> None:
    chosen = choose_factor(R)
    assert chosen == Fraction(wanted)
    assert abs(float(chosen) / min(max(R, 1), 4) - 1) < 0.15
    assert choose_factor(60, most=8) == 8
