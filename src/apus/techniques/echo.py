"""Data echoing: use what a slow input pipeline made more than once (Choi et al. 2019, arXiv 1907.05550).

A pipeline needs `t_a` per batch up to the echo and `t_b` after it, and a training step needs `t_d`. When
`R = t_a / max(t_b, t_d)` is above 1 the processor waits; emitting each item `e ≤ R` times fills the wait
with steps that cost no time.

Everything here is a pure function of its arguments, so that a stream can be cut anywhere and go on exactly.
An *item* is what enters the echo (an example, or a batch if the echo stands after batching), an *emission*
what leaves it: the pair (item, copy), copy 0 being the first view.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, islice
from math import ceil, floor
from typing import Literal

import numpy as np

Spread = Literal["stride", "buffer", "none"]
Emission = tuple[int, int]
FOREVER = 2**62  # more items than any stream has


@dataclass(frozen=True)
class Schedule:
    """What is emitted when.

    Attributes:
        factor: emissions per item e ≥ 1; None until it is chosen, which happens at item `start`.
        spread: `stride` emits at tick i the items i, i-L, ..., i-(e-1)L; `buffer` shuffles all copies in W slots
            (the paper's); `none` repeats at once.
        size: L in items or W in slots, ≥ 1; unused by `none`.
        start: first item that is echoed; those before are emitted once.
        key: of the draws of `buffer`, ≥ 0.
    """

    factor: Fraction | None
    spread: Spread = "stride"
    size: int = 1
    start: int = 0
    key: int = 0

    @property
    def most(self) -> int:
        """Most copies of one item, ⌈e⌉."""
        return ceil(self.factor or 1)

    def copies(self, item: int) -> int:
        """Emissions of one item: ⌊(i+1)e⌋ − ⌊ie⌋, so that the error of any total stays below 1.

        >>> [Schedule(Fraction(5, 2)).copies(i) for i in range(4)]
        [2, 3, 2, 3]
        """
        i = item - self.start
        return 1 if self.factor is None or i < 0 else _floor(i + 1, self.factor) - _floor(i, self.factor)

    def total(self, items: int) -> int:
        """Emissions of the first `items` items, the sum of their copies: ⌊Ne⌋.

        >>> Schedule(Fraction(5, 2)).total(4)
        10
        """
        echoed = max(0, items - self.start)
        return items if self.factor is None else items - echoed + _floor(echoed, self.factor)

    def with_copy(self, copy: int, items: int) -> int:
        """How many of the first `items` items have a copy of this number (from 0)."""
        e, echoed = self.factor or Fraction(1), max(0, items - self.start)
        if copy == 0:
            return items
        return echoed if copy < floor(e) else _floor(echoed, e) - echoed * floor(e) if copy < ceil(e) else 0


def _floor(i: int, e: Fraction) -> int:
    """⌊ie⌋, by integers alone."""
    return i * e.numerator // e.denominator


def rational(factor: float) -> Fraction:
    """The factor as a fraction with a denominator up to 64, so that ⌊ie⌋ is exact for every i.

    Args:
        factor: emissions per item, ≥ 1.

    Returns:
        e.

    Raises:
        ValueError: `factor` is below 1 or not finite.

    >>> rational(2.6)
    Fraction(13, 5)
    """
    if not 1 <= factor < FOREVER:
        raise ValueError(f"echo factor {factor}: it must be at least 1, as an echo drops nothing")
    return Fraction(factor).limit_denominator(64)


def stride_without_duplicates(factor: Fraction, batch: int) -> int:
    """A stride L for which no batch of `batch` emissions holds an item twice, in warm-up and drain too.

    Between two copies lie L ticks. A tick emits at least one item while fresh items come, and the fractional
    part of e (1 if e is whole) during the drain; `batch` emissions must fit between: L = ⌈B / fraction⌉.
    In the steady state alone ⌈B/e⌉ would do.

    >>> stride_without_duplicates(Fraction(5, 2), 32)
    64
    """
    return ceil(batch / (factor - ceil(factor) + 1))


def emissions(
    schedule: Schedule,
    exists: Callable[[int], bool],
    position: int = 0,
    choose: Callable[[], Schedule] | None = None,
    items: int = FOREVER,
) -> Iterator[Emission]:
    """The emissions from `position` on.

    Args:
        schedule: which.
        exists: whether the stream has an item of this number; asked in rising order, at most once too far.
        position: emissions already made, ≥ 0.
        choose: gives the same schedule with a factor when item `start` is reached and it has none.
        items: how many the stream has, if `position` may lie behind its last fresh item.

    Returns:
        Pairs (item, copy).

    >>> list(emissions(Schedule(Fraction(2), "stride", 2), lambda i: i < 3))
    [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    """
    if schedule.spread == "stride":
        return _strided(schedule, exists, position, choose, items)
    if schedule.spread == "buffer":
        return islice(shuffled(schedule, exists, choose), position, None)
    first = holding(schedule, position)
    return islice(_repeated(schedule, exists, choose, first), position - schedule.total(first), None)


def holding(schedule: Schedule, position: int) -> int:
    """The item of emission `position` without spreading: the largest i with ⌊ie⌋ ≤ position."""
    return bisect_right(range(position + 1), position, key=schedule.total) - 1


def _repeated(
    schedule: Schedule, exists: Callable[[int], bool], choose: Callable[[], Schedule] | None, first: int = 0
) -> Iterator[Emission]:
    for i in count(first):
        if i == schedule.start and choose and schedule.factor is None:
            schedule = choose()
        if not exists(i):
            return
        yield from ((i, k) for k in range(schedule.copies(i)))


def _strided(
    schedule: Schedule, exists: Callable[[int], bool], position: int, choose: Callable[[], Schedule] | None, end: int
) -> Iterator[Emission]:
    tick, within = locate(schedule, position, end)
    for now in count(tick):
        if now == schedule.start and choose and schedule.factor is None:
            schedule = choose()
        if now < end and not exists(now):
            end = now
        if now - (schedule.most - 1) * schedule.size >= end:
            return
        yield from islice(at_tick(schedule, now, end), within, None)
        within = 0


def at_tick(schedule: Schedule, tick: int, end: int = FOREVER) -> Iterator[Emission]:
    """Stride: the emissions of one tick, item i−kL with copy k, for each k that the item has and i−kL < `end`."""
    for k in range(schedule.most):
        i = tick - k * schedule.size
        if 0 <= i < end and k < schedule.copies(i):
            yield i, k


def locate(schedule: Schedule, position: int, end: int = FOREVER) -> tuple[int, int]:
    """Stride: tick of an emission and its place within the tick, in O(log position).

    Before tick t there are Σ_k |{i < min(t−kL, N) : copies(i) > k}| emissions.
    """

    def before(tick: int) -> int:
        reach = (min(max(tick - k * schedule.size, 0), end) for k in range(schedule.most))
        return sum(schedule.with_copy(k, n) for k, n in enumerate(reach))

    longest = position + schedule.most * schedule.size
    tick = bisect_right(range(longest + 1), position, key=before) - 1
    return tick, position - before(tick)


def shuffled(
    schedule: Schedule, exists: Callable[[int], bool], choose: Callable[[], Schedule] | None = None
) -> Iterator[Emission]:
    """Buffer: fill W slots with the unspread stream, emit a slot drawn at random, fill again (the paper's)."""
    slots: list[Emission] = []
    upstream, numbers = _repeated(schedule, exists, choose), draws(schedule.key)
    while True:
        slots.extend(islice(upstream, schedule.size - len(slots)))
        if not slots:
            return
        drawn = next(numbers) % len(slots)
        slots[drawn], slots[-1] = slots[-1], slots[drawn]
        yield slots.pop()


def draws(key: int) -> Iterator[int]:
    """Endless 64-bit numbers of one key, the same wherever they are drawn (Philox, Salmon et al. 2011)."""
    generator = np.random.Philox(key=key)
    while True:
        yield from generator.random_raw(1024).tolist()


def step_time(t_a: float, t_b: float, t_d: float, factor: float) -> float:
    """Seconds per training step, all stages overlapping: max(t_a/e, t_b, t_d).

    Args:
        t_a: seconds per batch up to the echo, all workers together.
        t_b: seconds per batch after it (augment, batch, copy).
        t_d: seconds of the training step.
        factor: e ≥ 1.

    Returns:
        Seconds.

    Source: the paper's §2, max(t_upstream, e · t_downstream) per fresh batch, divided by e.

    >>> step_time(0.4, 0.02, 0.1, 2)
    0.2
    """
    return max(t_a / factor, t_b, t_d)


def free_factor(t_a: float, t_b: float, t_d: float) -> float:
    """The largest e that costs no time: t_a / max(t_b, t_d); below 1 the input is not the bottleneck."""
    return t_a / max(t_b, t_d)


def ratio(factor: float, busy: float, waiting: float) -> float:
    """R from a running pipeline, stalled or blocked: e(1−p)/(1−s).

    Args:
        factor: the e in force.
        busy: 1−p, the share of time in which the slowest stage before the echo works rather than waits for room.
        waiting: s, the share of time in which what comes after the echo waits for it, 0 ≤ s < 1.

    Returns:
        R > 0.

    >>> round(ratio(1, 1.0, 0.75), 2)
    4.0
    """
    return factor * busy / max(1 - waiting, 1e-6)


def stall(factor: float, R: float) -> float:
    """Share of time in which the processor waits for input: 1 − e/R, at least 0."""
    return max(0.0, 1 - factor / R)


def choose_factor(R: float, most: float = 4.0) -> Fraction:
    """The factor for a measured R: R up to `most`, rounded up to eighths below 2 and to quarters above.

    More than R costs time and almost never pays; 4 is where the paper's gains flatten, and rounding keeps the
    stride that avoids duplicates short.

    Args:
        R: measured, > 0; up to 1.02 counts as 1.
        most: cap ≥ 1.

    Returns:
        e.

    >>> choose_factor(2.6), choose_factor(0.7), choose_factor(9)
    (Fraction(11, 4), Fraction(1, 1), Fraction(4, 1))
    """
    if R <= 1.02:
        return Fraction(1)
    parts = 8 if R < 2 else 4
    return min(Fraction(ceil(R * parts - 0.02 * parts), parts), rational(most))
