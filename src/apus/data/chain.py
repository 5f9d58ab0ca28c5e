"""The chain of stages that a pipeline is made of."""

import copy as copies
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Self

import torch

from apus.data.stages import Apply, Batch, Echo, Stage, To, collate
from apus.data.streams import as_source
from apus.errors import DataError
from apus.techniques.echo import Spread, rational

Call = Callable[..., Any]


class Chain:
    """Stages over a source; each method gives a new chain with one stage more.

    Args:
        source: a map-style data set, list, iterable, DataLoader, folder of images or tar files; see `streams`.
        seed: of order and random numbers, ≥ 0.
        shuffle: a new order each epoch, where the source has an index.
        rank: of this process; by default torch.distributed's.
        world: processes; by default torch.distributed's.

    Raises:
        DataError: the seed is out of range, or the source is nothing that can be read.
    """

    def __init__(
        self, source: Any, seed: int = 0, *, shuffle: bool = True, rank: int | None = None, world: int | None = None
    ) -> None:
        if not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise DataError(f"Pipeline(seed={seed!r}): the seed is a whole number from 0 to 2**63 - 1")
        self.rank, self.world = _place() if rank is None or world is None else (rank, world)
        self.seed, self.stages = seed, tuple[Stage, ...]()
        self._given, self._shuffle = source, shuffle
        self.source = as_source(source, seed, shuffle, self.rank, self.world)
        self._loads = False
        self._begin()

    def _begin(self) -> None:
        """Forget all passes, as a new pipeline has made none."""

    def _with(self, stage: Stage) -> Self:
        new = copies.copy(self)
        new.stages = (*self.stages, stage)
        new._begin()
        return new

    def read(self, call: Call | None = None, workers: int = 0, *, processes: bool = False) -> Self:
        """Read items by workers: `source[i]`, then `call` of it if given. First in the chain.

        Args:
            call: of what the source gives.
            workers: threads or processes; 0 works in line.
            processes: workers are processes.

        Returns:
            A longer chain.

        Raises:
            DataError: it is not the first stage.
        """
        if self.stages:
            raise DataError("read() comes first in a pipeline")
        load = self.source.load
        work = (lambda key, **k: call(load(key), **k)) if call else load
        new = self._with(_applied("read", work, workers, processes, 0))
        new._loads = True
        return new

    def map(self, call: Call, workers: int = 0, *, name: str = "map", processes: bool = False, depth: int = 0) -> Self:
        """Apply a function to each item (after `batch`, to each batch).

        Args:
            call: of the item, and of `rng` if it takes that.
            workers: threads or processes; 0 works in line.
            name: for reports.
            processes: workers are processes, for Python code that holds the interpreter lock.
            depth: most items begun and not yet taken; by default a batch, at least twice the workers.

        Returns:
            A longer chain.
        """
        return self._with(_applied(name, call, workers, processes, depth))

    def decode(self, call: Call, workers: int = 0, *, processes: bool = False) -> Self:
        """`map` under the name that reports use for decoding."""
        return self.map(call, workers, name="decode", processes=processes)

    def augment(self, call: Call, workers: int = 0, *, processes: bool = False) -> Self:
        """`map` under the name that reports use for augmentation."""
        return self.map(call, workers, name="augment", processes=processes)

    def echo(
        self,
        factor: float | str = "auto",
        *,
        spread: Spread = "stride",
        size: int | None = None,
        max: float = 4,
        max_bytes: int = 2 << 30,
    ) -> Self:
        """Emit each item `factor` times.

        Args:
            factor: e ≥ 1, fractions too; `auto` measures R for a few dozen batches, then takes it.
            spread: `stride` keeps copies apart, in order; `buffer` shuffles them; `none` repeats at once.
            size: stride in items or slots of the buffer; by default what keeps copies out of one batch, or 1024.
            max: cap of `auto`.
            max_bytes: cap of what is held.

        Returns:
            A longer chain.

        Raises:
            DataError: there is an echo already, or an argument is out of range.
        """
        if any(isinstance(stage, Echo) for stage in self.stages):
            raise DataError("a pipeline has one echo: multiply the factors")
        if spread not in ("stride", "buffer", "none") or not (size is None or _whole(size, 1)):
            raise DataError(f"echo(spread={spread!r}, size={size}): spread is stride, buffer or none, and size ≥ 1")
        if not isinstance(factor, int | float | Fraction) and factor != "auto":
            raise DataError(f'echo({factor!r}): the factor is a number ≥ 1 or "auto"')
        try:
            rational(max)
            chosen = None if isinstance(factor, str) else rational(factor)
        except ValueError as error:
            raise DataError(str(error)) from None
        return self._with(Echo(chosen, spread, size, max, max_bytes))

    def batch(self, size: int, *, drop_last: bool = True, collate: Call = collate) -> Self:
        """Group `size` items into one.

        Args:
            size: B ≥ 1.
            drop_last: leave out what does not fill a batch.
            collate: makes one value of a list of them.

        Returns:
            A longer chain.

        Raises:
            DataError: `size` is below 1 or there is a batch stage already.
        """
        if not _whole(size, 1) or any(isinstance(stage, Batch) for stage in self.stages):
            raise DataError(f"batch({size!r}): once in a pipeline, and at least 1")
        return self._with(Batch(size, drop_last, collate))

    def to(self, device: str | torch.device, *, ahead: int = 2) -> Self:
        """Copy to a device, `ahead` batches before they are needed.

        Args:
            device: such as `cuda`; checked at once, so that a typo costs no reading.
            ahead: batches.

        Returns:
            A longer chain.

        Raises:
            DataError: there is no such device.
        """
        try:
            known = torch.device(device)
        except RuntimeError as error:
            raise DataError(f"to({device!r}): {str(error).splitlines()[0]}") from None
        if known.type == "cuda" and not torch.cuda.is_available():
            raise DataError(f"to({str(device)!r}): torch sees no CUDA device on this machine")
        return self._with(To(str(device), ahead))

    def evaluation(self) -> Self:
        """The same source in order, without echo and without stages named augment: for validation."""
        new = copies.copy(self)
        new.source = as_source(self._given, self.seed, False, self.rank, self.world)
        kept = (
            s for s in self.stages if not isinstance(s, Echo) and not (isinstance(s, Apply) and s.name == "augment")
        )
        new.stages = tuple(Batch(s.size, False, s.collate) if isinstance(s, Batch) else s for s in kept)
        new._begin()
        return new

    def _echo(self) -> Echo | None:
        return next((stage for stage in self.stages if isinstance(stage, Echo)), None)

    def _batch(self) -> int | None:
        """Size of the batches made after the echo."""
        place = next((i for i, stage in enumerate(self.stages) if isinstance(stage, Echo)), 0)
        return next((stage.size for stage in self.stages[place:] if isinstance(stage, Batch)), None)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and value >= least


def _applied(name: str, call: Call, workers: int, processes: bool, depth: int) -> Apply:
    if not callable(call):
        raise DataError(f"stage {name!r} needs a function of an item, not {call!r}")
    if not _whole(workers, 0) or not _whole(depth, 0):
        raise DataError(f"stage {name!r}: workers={workers!r} and depth={depth!r} are whole numbers, 0 or more")
    return Apply(name, call, workers, processes, depth or None)


def _place() -> tuple[int, int]:
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
