"""A plain DataLoader, made to feed a device: each rank's rows, fixed shapes, ready ahead of time, resumable.

The order is the DataLoader's own: it draws from the generators when and what it would without us, so one process on a
CPU sees bit for bit what the plain script saw. Under `torch.no_grad()` (evaluation) every rank reads everything, so
that each has the plain script's numbers.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, IterableDataset

from apus.errors import DataError
from apus.training.copying import Copier
from apus.training.distributed import part_of, rows_of
from apus.training.padding import Padding

_END = object()


class Indices:
    """The loader's batches of indices, a rank's part of each; weights wait in a queue in the same order."""

    def __init__(self, batches: Any) -> None:
        self.batches = batches
        self.begin(0, 1, 0)

    def begin(self, rank: int, world: int, skip: int) -> None:
        """Set what the next pass gives: whose rows, and how many batches an earlier run has read."""
        self.rank, self.world, self.skip = rank, world, skip
        self.weights: deque[float] = deque()
        self._drawn: Iterator[Any] | None = None

    def draw(self) -> Iterator[Any]:
        """Draw the order of the pass now; a sampler does so at its first batch."""
        if self._drawn is None:
            batches = iter(self.batches)
            for _ in range(self.skip):
                next(batches, None)
            self._drawn = _chain(next(batches, _END), batches)
        return self._drawn

    def __iter__(self) -> Iterator[list[Any]]:
        for batch in self.draw():
            own, weight = part_of(batch, self.rank, self.world)
            self.weights.append(weight)
            yield own

    def __len__(self) -> int:
        return len(self.batches)


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    if first is not _END:
        yield first
        yield from rest


class Feed:
    """Iterates like the DataLoader it wraps, with batches on the device.

    `epoch` counts the passes finished, so that `for epoch in range(feed.epoch, epochs)` goes on where a killed run was;
    `position` the batches given in this one; `wait_seconds` what the training loop has waited for data, in all.

    Args:
        loader: any DataLoader, an `apus.data` pipeline, or an iterable of batches; its batch is the global one.
        device: where batches go.
        rank: of this process.
        world: ranks, ≥ 1.
        padding: applied to the rank's part.
        prefetch: batches kept ready by a thread; 0 for none.
        split: give each rank its part of the rows; None: yes, save under `torch.no_grad()`.
        use: told the rank's weight just before a batch is given.
        done: told each batch after its step.
    """

    def __init__(
        self,
        loader: Any,
        device: torch.device,
        *,
        rank: int = 0,
        world: int = 1,
        padding: Padding | None = None,
        prefetch: int = 0,
        split: bool | None = None,
        use: Callable[[float], None] = lambda share: None,
        done: Callable[[Any], None] = lambda batch: None,
    ) -> None:
        if prefetch < 0 or not hasattr(loader, "__iter__"):
            raise ValueError(f"a feed takes what can be iterated and prefetch ≥ 0, not {loader!r} and {prefetch}")
        self.loader, self.device, self.padding, self.prefetch, self.split = loader, device, padding, prefetch, split
        self.rank, self.world, self.use, self.done = rank, world, use, done
        self._copier = Copier(device)
        self.epoch = self.position = 0
        self.wait_seconds = 0.0
        self._order = _generators(loader)
        self._indices = Indices(getattr(loader, "batch_sampler", None))
        self._indexed = self._indices.batches is not None and not isinstance(loader.dataset, IterableDataset)
        self._reader = _with_batches(loader, self._indices) if self._indexed else loader
        self._resume: dict[str, Any] | None = None

    def __len__(self) -> int:
        """Batches in a pass."""
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        """Anything else (`dataset`, `batch_size`, …) is the loader's."""
        if name == "loader":  # not set yet: a copy or an unpickling is under way
            raise AttributeError(name)
        return getattr(self.loader, name)

    def state_dict(self) -> dict[str, Any]:
        """Where the pass is, and the generator its order was drawn from."""
        return {"epoch": self.epoch, "position": self.position, "order": self._order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there at the next `iter`.

        Args:
            state: from `state_dict`, of any world size.
        """
        self.epoch, self.position = state["epoch"], state["position"]
        self._resume = state

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Passes read inside do not count: place, waiting time and generators are put back; `apus.diagnose` does so."""
        kept = (self.epoch, self.position, self.wait_seconds, self._order, self._resume)
        generators = _generators(self.loader)
        try:
            yield
        finally:
            self.epoch, self.position, self.wait_seconds, self._order, self._resume = kept
            _set_generators(self.loader, generators)

    def __iter__(self) -> Iterator[Any]:
        """One pass, or the rest of one."""
        batches, weights = self._open()
        ready = _ahead(batches, self.prefetch) if self.prefetch else batches
        while True:
            start = time.perf_counter()
            batch: Any = next(ready, _END)
            self.wait_seconds += time.perf_counter() - start
            if batch is _END:
                break
            self.position += 1
            self.use(weights.popleft() if weights else 1.0)
            batch = self._copier.receive(batch)
            yield batch
            self.done(batch)
        self.epoch, self.position = self.epoch + 1, 0

    def _open(self) -> tuple[Iterator[Any], deque[float]]:
        state, self._resume = self._resume, None
        self.position = state["position"] if state else 0
        now = torch.get_rng_state()
        self._order = state["order"] if state else _generators(self.loader)
        if state:
            _set_generators(self.loader, self._order)
        split = self.world > 1 and (torch.is_grad_enabled() if self.split is None else self.split)
        raw, weights = (self._read if self._indexed else self._stream)(*((self.rank, self.world) if split else (0, 1)))
        if state:
            torch.set_rng_state(now)
        return (self._ready(batch) for batch in raw), weights

    def _read(self, rank: int, world: int) -> tuple[Iterator[Any], deque[float]]:
        self._indices.begin(rank, world, self.position)
        raw = iter(self._reader)
        self._indices.draw()
        return raw, self._indices.weights

    def _stream(self, rank: int, world: int) -> tuple[Iterator[Any], deque[float]]:
        # A stream has no indices: every rank reads all of it and keeps its rows.
        weights: deque[float] = deque()
        if hasattr(self.loader, "read_from"):  # our own pipelines know their place
            source = self.loader.read_from(self.epoch, self.position)
        else:
            source = iter(self.loader)
            if source is self.loader and self.epoch:
                raise DataError("a generator gives its batches once: for more passes, feed a DataLoader or a list")
            for _ in range(self.position):
                next(source, None)
        return (_rows(batch, rank, world, weights) for batch in source), weights

    def _ready(self, batch: Any) -> tuple[Any, Any]:
        return self._copier.send(self.padding(batch) if self.padding else batch)


def own_rows(batch: Any, rank: int, world: int) -> tuple[Any, float]:
    """A rank's rows of a batch, and its weight in the mean; `part_of` for tensors.

    Args:
        batch: any nest of tensors (N, ...); those of other lengths stay whole.
        rank: 0 ≤ rank < world.
        world: ranks.

    Returns:
        The rows, at least one, and R N_r / N.
    """
    total = max((len(leaf) for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor) and leaf.dim()), default=1)
    own = rows_of(rank, world, total)
    weight = world * (own.stop - own.start) / total
    own = own if own.stop > own.start else slice(0, 1)
    return pytree.tree_map_only(Tensor, lambda t: t[own] if t.dim() and len(t) == total else t, batch), weight


def _rows(batch: Any, rank: int, world: int, weights: deque[float]) -> Any:
    rows, weight = own_rows(batch, rank, world)
    weights.append(weight)
    return rows


def _with_batches(loader: DataLoader[Any], indices: Indices) -> DataLoader[Any]:
    workers: dict[str, Any] = {}
    if loader.num_workers:
        workers = {"prefetch_factor": loader.prefetch_factor, "persistent_workers": loader.persistent_workers}
    return DataLoader(
        loader.dataset,
        batch_sampler=indices,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        **workers,
    )


def _generators(loader: Any) -> dict[str, Tensor | None]:
    own = getattr(loader, "generator", None)
    return {"torch": torch.get_rng_state(), "loader": None if own is None else own.get_state()}


def _set_generators(loader: Any, state: dict[str, Tensor | None]) -> None:
    if state["torch"] is not None:
        torch.set_rng_state(state["torch"])
    own = getattr(loader, "generator", None)
    if own is not None and state["loader"] is not None:
        own.set_state(state["loader"])


def _ahead(batches: Iterator[Any], depth: int) -> Iterator[Any]:
    """Let a thread keep `depth` batches ready; the first is read here, since that draws from the global generator."""
    first = next(batches, _END)
    if first is _END:
        return
    ready: queue.Queue[Any] = queue.Queue(depth)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(batches, ready, stop), name="apus-prefetch", daemon=True)
    thread.start()
    try:
        yield first
        while (batch := ready.get()) is not _END:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stop.set()
        while thread.is_alive():
            _drain(ready)
            thread.join(0.01)


def _fill(batches: Iterator[Any], ready: "queue.Queue[Any]", stop: threading.Event) -> None:
    try:
        for batch in batches:
            ready.put(batch)
            if stop.is_set():
                return
        ready.put(_END)
    except BaseException as error:  # given to the training loop, which raises it
        ready.put(error)


def _drain(ready: "queue.Queue[Any]") -> None:
    while not ready.empty():
        ready.get_nowait()
