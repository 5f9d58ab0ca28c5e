"""R from counters, and the echo gap."""

import pytest
import torch

from apus.data import rate
from apus.data.rate import Gap, Rates, largest_of_ranks
from apus.data.workers import Meter


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "perf_counter", lambda: 1.0)


def counted(before: float, after: float, waited: float, stepped: float) -> Rates:
    """One second of a pipeline whose sides were busy for these shares of it."""
    read, augment = Meter("read", workers=2), Meter("augment", echoed=True, serial=1)
    rates = Rates([read, augment])
    rates.since = 0.0
    read.add(2 * before)
    augment.add(after)
    rates.step(waited, stepped, 8, 4)
    return rates


@pytest.mark.parametrize(
    ("factor", "before", "after", "waited", "stepped", "R"),
    [(1, 1.0, 0.1, 0.75, 0.25, 4), (2, 1.0, 0.1, 0.5, 0.5, 4), (2, 0.5, 0.1, 0.0, 1.0, 1), (1, 1.0, 0.5, 0.8, 0.2, 2)],
)
def test_R_of_known_shares(factor: float, before: float, after: float, waited: float, stepped: float, R: float) -> None:
    assert counted(before, after, waited, stepped).ratio(factor) == pytest.approx(R)


def test_stages_in_one_thread_add_up() -> None:
    rates = Rates([Meter("a"), Meter("b"), Meter("c", workers=4, serial=1)])
    rates.since = 0.0
    for meter in rates.meters:
        meter.add(0.4)
    assert rates.busiest(echoed=False) == pytest.approx(0.8)


def test_metrics() -> None:
    metrics = counted(1.0, 0.1, 0.5, 0.5).metrics(2, None, 0)
    assert metrics.stall_pct == 50 and metrics.emitted_per_s == pytest.approx(8)
    assert metrics.stages["read"]["busy_pct"] == pytest.approx(100)
    assert metrics.as_dict()["factor"] == 2 and "gap" not in str(metrics)


def test_the_gap_needs_both_sides() -> None:
    gap = Gap()
    gap.add(torch.tensor([0, 0]), torch.tensor([2.0, 4.0]))
    assert gap.value() is None
    gap.add(torch.tensor([1, 2]), torch.tensor([1.0, 1.0]))
    assert gap.value() == pytest.approx(2)


def test_one_process_reduces_nothing() -> None:
    assert largest_of_ranks([1.0, 2.0]) == [1.0, 2.0]
