"""Measurements on a machine where other programs may take the cores in the middle of one."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
NAP, NAPS, OVERSLEPT = 2e-3, 100, 1.1


def settled(measure: Callable[[], T], right: Callable[[T], bool], attempts: int = 5) -> T:
    """The first measurement that is right, or the last: what is wrong on a quiet machine is wrong each time.

    On one that oversleeps by a tenth after any of them nothing that is made of sleeps can be told: a skip.
    """
    shares = []
    for _ in range(attempts):
        if right(found := measure()):
            return found
        shares.append(oversleeps())
    if max(shares) > OVERSLEPT:
        pytest.skip(f"this machine sleeps {max(shares):.2f} times as long as it is told to")
    return found


def oversleeps() -> float:
    """How long naps of 2 ms take, in the mean, as a share of that."""
    began = time.perf_counter()
    for _ in range(NAPS):
        time.sleep(NAP)
    return (time.perf_counter() - began) / (NAPS * NAP)
