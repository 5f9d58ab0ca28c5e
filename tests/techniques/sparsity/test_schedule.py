"""Pruning on the cubic schedule, in a loop of one's own."""

import pytest
import torch
from torch import nn

from apus.techniques.sparsity import Masks, gradually


def zeros_after_each(steps: int, begin: float, end: float, every: int) -> list[float]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 256))
    after_step = gradually(Masks(model, "16x1"), 0.75, begin=begin, end=end, every=every)
    shares = []
    for step in range(1, steps + 1):
        with torch.no_grad():
            model[0].weight.add_(1e-4)  # an optimiser that knows of no mask
        after_step(step, steps)
        shares.append(float((model[0].weight == 0).float().mean()))
    return shares


def test_zeros_grow_between_begin_and_end_and_stay() -> None:
    shares = zeros_after_each(20, begin=0.25, end=0.75, every=1)
    assert shares[:4] == [0] * 4
    assert shares == sorted(shares)
    assert shares[14:] == [0.75] * 6
    assert shares[9] == pytest.approx(0.75 * (1 - 0.5**3), abs=0.02)


def test_choices_are_made_every_so_many_steps_and_at_the_end() -> None:
    shares = zeros_after_each(20, begin=0.0, end=0.75, every=6)
    changes = [
        step for step, (before, after) in enumerate(zip([0.0, *shares], shares, strict=False), 1) if before < after
    ]
    assert changes == [6, 12, 15]


def test_a_schedule_without_length_prunes_at_the_first_step() -> None:
    assert zeros_after_each(3, begin=0.0, end=0.0, every=1) == [0.75] * 3
