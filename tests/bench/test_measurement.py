"""Summaries of times."""

import numpy as np
import pytest

from apus.bench.measurement import measurement


def test_percentiles_and_the_spread_of_the_rounds() -> None:
    rounds = [np.full(50, 1000), np.full(49, 3000), np.array([2000, 90_000])]
    m = measurement(rounds, contender="a", network="n", batch=8, agreement=None, settings={"k": 1})
    assert (m.p50_us, m.min_us, m.runs) == (2.0, 1.0, 101)
    assert (m.low_us, m.high_us) == (1.0, 46.0)
    assert m.p99_us == 3.0 and m.per_second == pytest.approx(8 / 2e-6)
    row = m.row("student")
    assert (row["case"], row["metric"], row["unit"], row["low"]) == ("student", "p50_us", "us", 1.0)
    assert row["detail"]["per_second"] == m.per_second
