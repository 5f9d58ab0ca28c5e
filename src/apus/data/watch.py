"""Watch the DataLoaders of a program that knows nothing of it, and leave no trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import torch
from torch.utils.data import DataLoader

from apus.data.diagnosis import alone, buffered, finish, parts_of
from apus.data.machine import free_bytes, watch_cores
from apus.data.verdict import Times

WARM = 3


class Enough(BaseException):
    """Raised inside the program once enough is measured; no `except Exception` catches it."""


class Watched:
    """An iterator of a DataLoader, with a clock between it and the program.

    Args:
        loader: whose iterator it is.
        inner: the iterator.
        batches: to measure before it stops the program.
    """

    def __init__(self, loader: Any, inner: Iterator[Any], batches: int) -> None:
        self.loader, self.inner, self.batches = loader, inner, batches
        self.waits: list[float] = []
        self.steps: list[float] = []
        self.given: float | None = None
        self.load: float | None = None
        self.sample: Any = None
        self.cores = watch_cores()
        self.free = 0.0

    def __iter__(self) -> "Watched":
        return self

    def __len__(self) -> int:
        return len(self.inner)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __next__(self) -> Any:
        if self.given is not None:
            finish()
            self.steps.append(perf_counter() - self.given)
        if len(self.steps) == WARM:
            self.idle = self.cores.__enter__()
        if len(self.steps) == WARM + self.batches and torch.is_grad_enabled():  # not the validation's loader
            self._end()
        asked = perf_counter()
        self.sample = next(self.inner)
        self.given = perf_counter()
        self.waits.append(self.given - asked)
        return self.sample

    def _end(self) -> None:
        self.cores.__exit__(None, None, None)
        self.free = self.idle.free
        self.load = alone(self.inner, self.batches, 10.0, buffered(self.loader))
        raise Enough

    def times(self) -> Times:
        """What was measured."""
        waits, steps = self.waits[WARM : len(self.steps)], self.steps[WARM:]
        wait, step = sum(waits) / len(waits), sum(steps) / len(steps)
        load = self.load or self._load_from(wait, step)
        parts = parts_of(self.loader, self.sample, load).as_times()
        return Times(step, load, wait, wait + step, 0.0, waits, free_cores=self.free, free_bytes=free_bytes(), **parts)

    def _load_from(self, wait: float, step: float) -> float:
        """Without a measurement alone, as when the pass was short: what the waits say."""
        return wait if not self.loader.num_workers else wait + step if wait > 0.05 * step else 0.5 * step


@contextmanager
def watching(batches: int) -> Iterator[list[Watched]]:
    """Give the iterators of every DataLoader, as they are made inside the block; afterwards torch is as it was.

    The program is stopped by `Enough` after so many batches.
    """
    made: list[Watched] = []
    original = DataLoader.__iter__

    def watched(loader: Any) -> Any:
        made.append(Watched(loader, original(loader), batches))
        return made[-1]

    DataLoader.__iter__ = watched  # type: ignore[method-assign]
    try:
        yield made
    finally:
        DataLoader.__iter__ = original  # type: ignore[method-assign]


def busiest(made: list[Watched]) -> Watched | None:
    """The iterator that the program spent most time with, of those with enough batches to say something."""
    long_enough = [each for each in made if len(each.steps) >= WARM + 4]
    return max(long_enough, key=lambda each: sum(each.waits) + sum(each.steps), default=None)
