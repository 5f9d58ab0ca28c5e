"""Is training input-bound, and what helps? Measured, not guessed: the loader alone, the step alone, both together."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from statistics import median
from time import perf_counter
from typing import Any

import torch

from apus.data.machine import free_bytes, watch_cores
from apus.data.pipeline import Pipeline
from apus.data.probe import Parts, probe
from apus.data.verdict import Times, Verdict, judge
from apus.errors import DataError

Step = Callable[[Any], Any]


def diagnose(
    loader: Iterable[Any],
    step: Step,
    *,
    copy: Callable[[Any], Any] | None = None,
    batches: int = 24,
    seconds: float = 20.0,
) -> Verdict:
    """Say in one line what bounds a training, and the cheapest cure.

    Runs up to twice `batches` real training steps, and leaves nothing behind. With torch.distributed, call it on all
    ranks: each gives its own times, and all return the same verdict.

    Args:
        loader: a DataLoader, `Pipeline` or iterable of batches.
        step: one training step on a batch, such as `lambda batch: train(*batch)`.
        copy: of a batch to the device, if `step` does not do that itself.
        batches: to measure, after a warm-up of 3.
        seconds: most time for each of the three measurements.

    Returns:
        The verdict; `str` of it is the line, `verdict.table()` has R of each stage.
    """
    with getattr(loader, "aside", nullcontext)():  # a Runtime's feed counts its passes
        return judge(of_all_ranks(_measure(loader, step, copy, batches, seconds)))


def _measure(
    loader: Iterable[Any], step: Step, copy: Callable[[Any], Any] | None, batches: int, seconds: float
) -> Times:
    move = copy or (lambda batch: batch)
    together = Together(step, move, batches, seconds)
    endless = repeated(loader)
    sample = together.run(endless)
    load = alone(endless, batches, seconds, buffered(loader))
    return Times(
        step=_typical(lambda: step(move(sample)) if copy is None else step(together.moved), batches, seconds),
        load=load,
        wait=together.wait,
        period=together.period,
        copy=_typical(lambda: move(sample), 5, seconds) if copy else 0.0,
        waits=together.waits,
        free_cores=together.free_cores,
        free_bytes=free_bytes(),
        **parts_of(loader, sample, load).as_times(),
    )


class Together:
    """The plain training loop, timed."""

    def __init__(self, step: Step, move: Step, batches: int, seconds: float) -> None:
        self.step, self.move, self.batches, self.seconds = step, move, batches, seconds
        self.waits: list[float] = []
        self.free_cores = 0.0
        self.moved: Any = None

    def run(self, endless: Iterator[Any]) -> Any:
        """Train; return the last batch."""
        self._train(endless, 3, [])
        with watch_cores() as cores:
            begin = perf_counter()
            batch = self._train(endless, self.batches, self.waits)
            self.period = (perf_counter() - begin) / len(self.waits)
        self.free_cores = cores.free
        self.wait = sum(self.waits) / len(self.waits)
        return batch

    def _train(self, endless: Iterator[Any], count: int, waits: list[float]) -> Any:
        begin = perf_counter()
        while len(waits) < count and (len(waits) < 4 or perf_counter() - begin < self.seconds):
            asked = perf_counter()
            batch = next(endless)
            waits.append(perf_counter() - asked)
            self.moved = self.move(batch)
            self.step(self.moved)
            finish()
        return batch


def finish() -> None:
    """Wait for the device: its work is launched, not done, when a call returns."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()


def repeated(loader: Iterable[Any]) -> Iterator[Any]:
    """The loader's batches, pass after pass; an error if a pass has fewer than 4."""
    while True:
        count = 0
        for batch in loader:
            count += 1
            yield batch
        if count < 4:
            raise DataError(f"the loader gives {count} batches a pass; a diagnosis needs 4")


def buffered(loader: Any) -> int:
    """Batches that a loader may have made ahead: they are dropped before it is timed alone."""
    return (getattr(loader, "num_workers", 0) or 0) * (getattr(loader, "prefetch_factor", 0) or 0) or 4


def alone(batches: Iterator[Any], count: int, seconds: float, skip: int) -> float:
    """Seconds per batch of a loader whose batches nobody uses."""
    begin = perf_counter()
    for _ in islice(batches, skip):
        if perf_counter() - begin > seconds / 2:
            break
    begin, made = perf_counter(), 0
    for _ in islice(batches, max(count, 2 * skip)):
        made += 1
        if perf_counter() - begin > seconds:
            break
    return (perf_counter() - begin) / max(made, 1)


def _typical(call: Callable[[], Any], count: int, seconds: float) -> float:
    """Median seconds of a call."""
    taken: list[float] = []
    while len(taken) < count and sum(taken) < seconds:
        begin = perf_counter()
        call()
        finish()
        taken.append(perf_counter() - begin)
    return median(taken)


def parts_of(loader: Any, sample: Any, load: float) -> Parts:
    """The loader's stages: counted by a pipeline itself, else probed on a few examples."""
    if isinstance(loader, Pipeline):
        return Parts.of_pipeline(loader, sample)
    return probe(loader, sample, load)


def of_all_ranks(times: Times) -> list[Times]:
    """Each rank's times, on every rank."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return [times]
    gathered: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(gathered, times)
    return gathered
