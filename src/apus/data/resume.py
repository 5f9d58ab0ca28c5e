"""Where an echoed stream stands, in a few numbers, and what to read again in order to go on from there."""

from collections.abc import Callable
from itertools import islice

from apus.techniques.echo import Emission, Schedule, at_tick, end_known, holding, locate, shuffled


def held(schedule: Schedule, exists: Callable[[int], bool], position: int) -> tuple[list[int], int]:
    """What to read again in order to go on at `position`, and the first item from which on all are fresh.

    Args:
        schedule: which; its factor chosen if `position` lies behind `start`.
        exists: as in `emissions`.
        position: emissions already made.

    Returns:
        Items seen before that will be emitted again, rising; and the number of the first item never read.

    >>> from fractions import Fraction
    >>> held(Schedule(Fraction(2), "stride", 2), lambda i: i < 9, 5)
    ([1, 2, 3], 4)
    """
    if schedule.spread == "stride":
        end = end_known(exists, position)
        tick, within = locate(schedule, position, end)
        passed = list(at_tick(schedule, tick, end))[:within]
        fresh = tick + (passed[:1] == [(tick, 0)])  # the fresh item comes first in its tick
        window = range(max(0, tick - (schedule.most - 1) * schedule.size), fresh)
        return [i for i in window if exists(i) and _remains(schedule, i, tick, passed)], fresh
    if schedule.spread == "buffer":
        return _held_by_buffer(schedule, exists, position)
    item = holding(schedule, position)
    return ([item], item + 1) if position > schedule.total(item) else ([], item)


def _remains(schedule: Schedule, item: int, tick: int, passed: list[Emission]) -> bool:
    last = schedule.copies(item) - 1
    return item + last * schedule.size >= tick and (item, last) not in passed


def _held_by_buffer(schedule: Schedule, exists: Callable[[int], bool], position: int) -> tuple[list[int], int]:
    fresh = 0

    def noting(item: int) -> bool:
        nonlocal fresh
        fresh = max(fresh, item + 1) if exists(item) else fresh
        return exists(item)

    left: dict[int, int] = {}
    for item, _ in islice(shuffled(schedule, noting), position):
        left[item] = left.get(item, schedule.copies(item)) - 1
    return [i for i in range(fresh) if left.get(i, 1) > 0], fresh
