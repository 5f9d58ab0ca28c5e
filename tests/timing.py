"""Measurements on a machine where other programs may take the cores in the middle of one."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def settled(measure: Callable[[], T], right: Callable[[T], bool], attempts: int = 3) -> T:
    """The first measurement that is right, or the last: what is wrong on a quiet machine is wrong each time."""
    for _ in range(attempts):
        if right(found := measure()):
            break
    return found
