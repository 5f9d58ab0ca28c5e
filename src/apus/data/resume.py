"""Where an echoed stream stands, in a few numbers, and what to read again in order to go on from there."""

from itertools import islice

from apus.techniques.echo import Schedule, at_tick, holding, locate, shuffled


def held(schedule: Schedule, items: int, position: int) -> tuple[dict[int, int], int]:
    """What to read again in order to go on at `position`, and the first item from which on all are fresh.

    Args:
        schedule: which; its factor chosen if `position` lies behind `start`.
        items: how many the stream has; FOREVER if it has not ended yet.
        position: emissions already made.

    Returns:
        Emissions left of the items read before, rising by item; and the number of the first item never read.

    >>> from fractions import Fraction
    >>> held(Schedule(Fraction(2), "stride", 2), 9, 5)
    ({1: 1, 2: 1, 3: 1}, 4)
    """
    if schedule.spread == "stride":
        return _held_by_stride(schedule, items, position)
    if schedule.spread == "buffer":
        return _held_by_buffer(schedule, items, position)
    item = holding(schedule, position)
    passed = position - schedule.total(item)
    return ({item: schedule.copies(item) - passed}, item + 1) if passed else ({}, item)


def _held_by_stride(schedule: Schedule, items: int, position: int) -> tuple[dict[int, int], int]:
    tick, within = locate(schedule, position, items)
    passed = list(at_tick(schedule, tick, items))[:within]
    fresh = min(items, tick + (passed[:1] == [(tick, 0)]))  # the fresh item comes first in its tick
    left = {}
    for i in range(max(0, tick - (schedule.most - 1) * schedule.size), fresh):
        later = range(-((i - tick) // schedule.size), schedule.copies(i))  # copies k with i + kL ≥ tick
        count = sum((i, k) not in passed for k in later)
        if count and i < items:
            left[i] = count
    return left, fresh


def _held_by_buffer(schedule: Schedule, items: int, position: int) -> tuple[dict[int, int], int]:
    fresh = 0

    def noting(item: int) -> bool:
        nonlocal fresh
        fresh = max(fresh, min(item + 1, items))
        return item < items

    left: dict[int, int] = {}
    for item, _ in islice(shuffled(schedule, noting), position):
        left[item] = left.get(item, schedule.copies(item)) - 1
    counts = {i: left.get(i, schedule.copies(i)) for i in range(fresh)}
    return {i: count for i, count in counts.items() if count}, fresh
