"""The stages of a pipeline: apply a function, echo, batch, copy to a device; each turns a stream of items into one."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from apus.data.guard import Held
from apus.data.order import limits, rng, seed_at
from apus.data.streams import seed_globals
from apus.data.workers import Meter
from apus.errors import DataError
from apus.techniques.echo import FOREVER, Schedule, Spread, emissions, stride_without_duplicates


class Item(NamedTuple):
    """What flows.

    Attributes:
        number: in the stream at this place.
        copy: which emission of it, from 0.
        value: the example or batch.
        views: of a batch made after the echo, the copies inside.
        seen: versions of its tensors when the echo took it; None once a stage made a new value.
    """

    number: int
    copy: int
    value: Any
    views: tuple[int, ...] | None = None
    seen: list[int] | None = None

    def made(self, value: Any) -> "Item":
        """The same item with a new value."""
        return self._replace(value=value, seen=None)


@dataclass(frozen=True)
class Apply:
    """A function of each item, run inline or by workers; it may ask for an argument `rng`."""

    name: str
    call: Callable[..., Any]
    workers: int = 0
    processes: bool = False
    depth: int | None = None

    def work(self, seed: int, epoch: int, stage: int) -> Callable[[Item], Item]:
        """The function of an item, its random numbers addressed by (seed, epoch, stage, item, copy)."""
        takes_rng = "rng" in _parameters(self.call)

        def apply(item: Item) -> Item:
            try:
                if takes_rng:
                    return item._replace(
                        value=self.call(item.value, rng=rng(seed, epoch, stage, item.number, item.copy))
                    )
                if self.processes:
                    seed_globals(seed_at(seed, epoch, stage, item.number, item.copy))
                return item.made(self.call(item.value))
            except Exception as error:
                error.add_note(f"in stage {self.name!r}, item {item.number} of epoch {epoch}, copy {item.copy}")
                raise

        return apply


def _parameters(call: Callable[..., Any]) -> Iterable[str]:
    try:
        return inspect.signature(call).parameters
    except (TypeError, ValueError):  # some built-in functions have no signature
        return ()


@dataclass(frozen=True)
class Echo:
    """Where the echo stands and how; `factor` None is chosen from what is measured."""

    factor: Fraction | None
    spread: Spread
    size: int | None
    most: float
    max_bytes: int

    def schedule(self, factor: Fraction | None, batch: int | None, start: int, key: int) -> Schedule:
        """The schedule of one pass.

        Args:
            factor: chosen, or None.
            batch: size of the batches made after the echo; None if it echoes batches.
            start: first item that is echoed.
            key: of the shuffle buffer.

        Returns:
            The schedule.
        """
        known = factor or Fraction(1)
        size = self.size or (1024 if self.spread == "buffer" else 0)
        size = size or (stride_without_duplicates(known, batch) if batch else 4)
        return Schedule(factor, self.spread, size, start, key)


class Echoing:
    """One pass of an echo.

    Args:
        upstream: items held before `position`, rising, then fresh ones.
        schedule: which; its factor may be None.
        position: emissions already made.
        held: emissions left of each item held before, and the first fresh item.
        count: items of the pass; None for a stream that does not say.
        keep: keeps items.
        choose: completes the schedule.
    """

    def __init__(
        self,
        upstream: Iterator[Item],
        schedule: Schedule,
        position: int,
        held: tuple[dict[int, int], int],
        count: int | None,
        keep: Held,
        choose: Callable[[], Schedule],
    ) -> None:
        self.upstream, self.schedule, self.position, self.keep = upstream, schedule, position, keep
        self.left, self.fresh = dict(held[0]), held[1]
        self.next, self.count, self._choose = held[1], count, choose

    def __iter__(self) -> Iterator[Item]:
        choose = self.choose if self.schedule.factor is None else None
        end = FOREVER if self.count is None else self.count
        for i, k in emissions(self.schedule, self.exists, self.position, choose, end):
            while i not in self.keep:
                self._pull()
            value, seen = self.keep.get(i)
            self.left[i] -= 1
            if not self.left[i]:
                self.keep.drop(i)
                del self.left[i]
            yield Item(i, k, value, None, seen)

    def choose(self) -> Schedule:
        """The schedule with the factor that was measured."""
        self.schedule = self._choose()
        return self.schedule

    def exists(self, number: int) -> bool:
        """Whether the stream has this item; a stream that does not say is read on to it."""
        while self.count is None and number >= self.next:
            self._pull()
        return self.count is None or number < self.count

    def _pull(self) -> None:
        item = next(self.upstream, None)
        if item is None:
            if self.count is not None:
                raise DataError(f"the source ended at item {self.next}, before its length of {self.count}")
            self.count = self.next
            return
        self.next = max(self.next, item.number + 1)
        left = self.left.setdefault(item.number, self.schedule.copies(item.number))
        self.keep.put(item.number, item.value, again=left > 1)


@dataclass(frozen=True)
class Batch:
    """Groups of `size` items, collated."""

    size: int
    whole: bool
    collate: Callable[[list[Any]], Any]

    def run(
        self, items: Iterator[Item], wanted: Iterable[int], count: int | None, steps: int | None, meter: Meter
    ) -> Iterator[Item]:
        """Batches `wanted`, by number.

        Args:
            items: their items, in order.
            wanted: numbers, rising.
            count: items of the pass, None if unknown.
            steps: batches of the pass, None if unknown.
            meter: told the seconds of collating.
        """
        collate = meter.timed(self.collate)
        for step in wanted:
            first, past = (0, self.size) if count is None or steps is None else limits(step, count, self.size, steps)
            group = list(islice(items, past - first))
            if not group or (self.whole and len(group) < self.size):
                return
            try:
                value = collate([item.value for item in group])
            except Exception as error:
                error.add_note(f"in stage 'batch', batch {step} of items {[item.number for item in group]}")
                raise
            yield Item(step, 0, value, tuple(item.copy for item in group))


def collate(values: Sequence[Any]) -> Any:
    """Stack arrays, tensors and numbers into tensors, inside tuples, lists and dicts too; copies, never views.

    >>> collate([(np.zeros(3), 1), (np.ones(3), 2)])[1]
    tensor([1, 2])
    """
    first = values[0]
    if isinstance(first, Tensor):
        return torch.stack(list(values))
    if isinstance(first, np.ndarray | np.generic):
        return torch.from_numpy(np.stack(values))
    if isinstance(first, bool | int | float):
        return torch.tensor(values)
    if isinstance(first, dict):
        return {key: collate([value[key] for value in values]) for key in first}
    if isinstance(first, tuple | list):
        return _like(first, (collate(part) for part in zip(*values, strict=True)))
    return list(values)


def _like(value: Any, parts: Iterable[Any]) -> Any:
    """A tuple, named tuple or list of the same type."""
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


@dataclass(frozen=True)
class To:
    """A copy to a device, made ahead by one thread."""

    device: str
    ahead: int

    def work(self) -> Callable[[Item], Item]:
        """The copy of an item."""
        device = torch.device(self.device)
        side: Any = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

        def copy(item: Item) -> Item:
            if side is None:
                return item.made(moved(item.value, lambda x: x.to(device)))
            with torch.cuda.stream(side):
                value = moved(item.value, lambda x: x.pin_memory().to(device, non_blocking=True))
            side.synchronize()  # in this thread, while the step runs; then the value is there for any stream
            # The step's stream uses memory that belongs to the side stream: the allocator must wait for it.
            moved(value, lambda x: x.record_stream(torch.cuda.default_stream(device)))
            return item.made(value)

        return copy


Stage = Apply | Echo | Batch | To


def moved(value: Any, move: Callable[[Tensor], Any]) -> Any:
    """`value` with `move` applied to its tensors, inside tuples, lists and dicts too."""
    if isinstance(value, Tensor):
        return move(value)
    if isinstance(value, dict):
        return {key: moved(part, move) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return _like(value, (moved(part, move) for part in value))
    return value
