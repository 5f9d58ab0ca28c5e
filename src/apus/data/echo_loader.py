"""Echo for a loader that exists already, in one line, and for the batches of the training loop."""

from collections.abc import Callable, Iterator
from itertools import islice
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from apus.data.arrays import Arrays
from apus.data.batches import ArrayBatches, Batch, Batches, LoaderBatches, as_input
from apus.data.pipeline import Pipeline
from apus.data.rate import Metrics
from apus.errors import DataError
from apus.techniques.echo import Spread, choose_factor


def echo(
    loader: Any,
    factor: float | str = "auto",
    *,
    spread: Spread = "stride",
    size: int | None = None,
    device: str | None = None,
    max: float = 4,
    seed: int = 0,
) -> Pipeline:
    """Echo the batches of any DataLoader or iterable.

    Batches are echoed whole, augmentation included, which helps less than `Pipeline(...).echo()` before augmentation
    and needs a lower learning rate; but it is one line.

    Args:
        loader: what is iterated over once for each epoch.
        factor: emissions per batch ≥ 1, fractions too; `auto` measures first.
        spread: `stride` keeps copies `size` batches apart, `buffer` shuffles them, `none` repeats at once.
        size: in batches; by default a stride of 4.
        device: copy batches there before they are echoed, so that a copy is made once.
        max: cap of `auto`.
        seed: of the order, where the loader is a torch DataLoader.

    Returns:
        A pipeline: iterate, `len`, `state_dict`, `metrics`.

    >>> [x for x in echo(["a", "b"], 2, size=1)]
    ['a', 'b', 'a', 'b']
    """
    pipe = Pipeline(loader, seed, shuffle=False, rank=0, world=1)
    return (pipe.to(device) if device else pipe).echo(factor, spread=spread, size=size, max=max)


class EchoedBatches:
    """Echo inside the training loop: `Batches` whose epoch has e times as many steps.

    Examples in memory are echoed before their augmentation, batches of a loader whole.

    Args:
        batches: to be echoed.
        factor: e ≥ 1.
        seed: of the order.

    >>> import numpy as np
    >>> arrays = Arrays(np.zeros((8, 2), np.float32), np.zeros(8, np.int64))
    >>> len(EchoedBatches(ArrayBatches(arrays, 4), 2.5))
    5
    """

    def __init__(self, batches: Batches, factor: float, *, seed: int = 0) -> None:
        if isinstance(batches, ArrayBatches):
            self.pipe = _before_augment(batches, factor)
        elif isinstance(batches, LoaderBatches):
            self.pipe = echo(batches.loader, factor, seed=seed)
        else:
            raise DataError(f"cannot echo {type(batches).__name__}: give arrays or a DataLoader, or set echo to 1")

    def __len__(self) -> int:
        return len(self.pipe)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches `start`, `start` + 1, ... of one epoch."""
        return self.pipe.read_from(epoch, start)

    def observe(self, outputs: Tensor, targets: Tensor) -> None:
        """Take note of the losses of first views and of repeats, where the targets are classes."""
        if targets.dtype == torch.int64 and outputs.ndim == 2:
            with torch.no_grad():
                losses = functional.cross_entropy(outputs.float(), targets, reduction="none")
            whole = len(self.pipe.views) != len(losses)
            self.pipe.observe(losses.mean() if whole else losses)

    def measured(self) -> Metrics:
        """Rates, stall and echo gap of the present epoch."""
        return self.pipe.metrics()


def measure_factor(batches: Batches, loss: Callable[[Tensor, Tensor], Tensor], *, most: float = 4) -> float:
    """The factor that costs no time: seconds to read a batch over seconds to learn from it.

    Args:
        batches: read alone for a few batches.
        loss: of inputs and targets; it and its gradient are timed, so let it be that of a copy of the network.
        most: cap.

    Returns:
        e, at least 1.
    """
    stream = batches.epoch(0)
    x, y = next(stream)
    begin, count = perf_counter(), 0
    for count, (x, y) in enumerate(islice(stream, 16), 1):  # noqa: B007
        pass
    read = (perf_counter() - begin) / max(count, 1)
    taken = []
    for _ in range(4):
        begin = perf_counter()
        loss(x, y).backward()  # type: ignore[no-untyped-call]
        taken.append(perf_counter() - begin)
    return float(choose_factor(read / min(taken), most))


def _before_augment(batches: ArrayBatches, factor: float) -> Pipeline:
    arrays, augment = batches.arrays, batches.augment
    pipe = Pipeline(range(len(arrays)), batches.seed, shuffle=batches.shuffle, rank=0, world=1).echo(factor)
    pipe = pipe.batch(
        batches.batch,
        drop_last=len(batches) * batches.batch <= len(arrays),
        collate=lambda rows: Arrays(arrays.x[rows], arrays.y[rows]),
    )
    if augment is not None:
        pipe = pipe.augment(lambda rows, rng: Arrays(augment(rows.x, rng), rows.y))
    return pipe.map(_as_batch, name="to tensors")


def _as_batch(rows: Arrays) -> Batch:
    return as_input(rows.x), torch.from_numpy(rows.y)
