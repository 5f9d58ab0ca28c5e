"""Watching DataLoaders: iterators behave as before, validation does not end it, nothing stays."""

import time

import pytest
import torch
from torch.utils.data import DataLoader

from apus.data.verdict import Times
from apus.data.watch import Enough, busiest, watching
from timing import settled

LOADER = DataLoader(list(range(400)), 2)


def test_iterators_work_as_before_and_torch_is_restored() -> None:
    before = DataLoader.__iter__
    with watching(1000) as made:
        inside = [batch.tolist() for batch in LOADER]
        iterator = iter(LOADER)
        assert len(iterator) == 200 and iterator._num_workers == 0
    assert DataLoader.__iter__ is before and len(made) == 2
    assert inside == [batch.tolist() for batch in LOADER]


def test_it_ends_a_training_loop_but_not_a_validation() -> None:
    def watched() -> Times:
        with watching(8) as made:
            with torch.no_grad():
                assert sum(1 for _ in LOADER) == 200
            with pytest.raises(Enough):
                for _ in LOADER:
                    time.sleep(0.003)
        trained = busiest(made)
        assert trained is made[1] and trained.load is not None
        return trained.times()

    times = settled(watched, lambda found: found.step == pytest.approx(0.003, rel=0.5))
    assert times.step == pytest.approx(0.003, rel=0.5) and times.R < 1


def test_too_little_is_nothing() -> None:
    with watching(8) as made:
        next(iter(LOADER))
    assert busiest(made) is None
