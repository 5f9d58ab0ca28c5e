"""What a pipeline can read: anything with an index, any iterable, a DataLoader, an image folder, tar files.

A map-style data set (torch's, torchvision's, a Hugging Face `Dataset`, a list of keys) is read in an order that is a
function of (seed, epoch), from any place on. A stream (an iterable data set, webdataset, torchdata nodes, Hugging Face
streaming) is read on to the place.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from apus.data.files import Tars, folder
from apus.data.order import permutation, rng, seed_at, shard_size
from apus.data.workers import without_advice
from apus.errors import DataError


class Source(Protocol):
    """What a pass reads."""

    @property
    def lengths(self) -> list[int] | None:
        """Items by rank; None for a stream that does not say."""

    def read(self, epoch: int, held: Sequence[int], fresh: int) -> Iterator[tuple[int, Any]]:
        """Numbered payloads: the items `held`, rising, then `fresh`, `fresh` + 1, ..."""

    def load(self, payload: Any) -> Any:
        """The item itself; may be slow, and is called by the workers of the first stage."""


class Indexed:
    """A map-style data set or a list, shuffled by (seed, epoch), example i to rank i mod world."""

    def __init__(self, data: Any, seed: int, shuffle: bool, rank: int, world: int) -> None:
        self.data, self.seed, self.shuffle, self.rank, self.world = data, seed, shuffle, rank, world

    @property
    def lengths(self) -> list[int]:
        """Items by rank."""
        return [shard_size(len(self.data), rank, self.world) for rank in range(self.world)]

    def read(self, epoch: int, held: Sequence[int], fresh: int) -> Iterator[tuple[int, Any]]:
        """Numbered keys."""
        count = len(self.data)
        order = permutation(self.seed, epoch, count) if self.shuffle else np.arange(count)
        mine = order[self.rank :: self.world]
        return ((i, int(mine[i])) for i in chain(held, range(fresh, len(mine))))

    def load(self, payload: int) -> Any:
        """The example."""
        return self.data[payload]


class Streamed:
    """An iterable, in its own order; to go on at an item means to read on to it."""

    def __init__(self, data: Iterable[Any], rank: int, world: int) -> None:
        self.data, self.rank, self.world, self._begun = data, rank, world, False
        if world > 1:
            self._check()

    def _check(self) -> None:
        if self.lengths is None:
            raise DataError(
                "a stream without a length cannot be shared among ranks with equal step counts: "
                "give the data set a __len__, or shard the files and use world=1 on each rank"
            )

    @property
    def lengths(self) -> list[int] | None:
        """Items by rank, if the stream says how many it has."""
        try:
            total = len(self.data)  # type: ignore[arg-type]
        except TypeError:
            return None
        return [shard_size(total, rank, self.world) for rank in range(self.world)]

    def read(self, epoch: int, held: Sequence[int], fresh: int) -> Iterator[tuple[int, Any]]:
        """Numbered values."""
        again, values = set(held), self._values(epoch)
        numbered = ((*divmod(place, self.world), value) for place, value in enumerate(values))
        return ((i, value) for i, rank, value in numbered if rank == self.rank and (i in again or i >= fresh))

    def _values(self, epoch: int) -> Iterator[Any]:
        if hasattr(self.data, "set_epoch"):
            self.data.set_epoch(epoch)
        values = iter(self.data)
        if values is self.data and self._begun and not hasattr(values, "reset"):
            raise DataError(
                f"a {type(self.data).__name__} can be read once, and was begun before: "
                "give an object whose __iter__ begins anew, such as a list or a class with a generator method"
            )
        self._begun = True
        return values

    def load(self, payload: Any) -> Any:
        """The value."""
        return payload


class Loaded(Streamed):
    """A torch DataLoader, whose batches are the items.

    With a map-style data set its batches are chosen by (seed, epoch) and made from any place on, by a twin of the
    loader. In worker processes the global random numbers are seeded for each batch, so that random transforms, too,
    give the same batch for any number of workers ≥ 1 and after a resume. Ranks are the sampler's business.
    """

    def __init__(self, data: DataLoader[Any], seed: int) -> None:
        super().__init__(data, rank=0, world=1)
        self.loader, self.seed, self.batch = data, seed, data.batch_size or 1

    def read(self, epoch: int, held: Sequence[int], fresh: int) -> Iterator[tuple[int, Any]]:
        """Numbered batches."""
        loader = self.loader
        if hasattr(loader.sampler, "set_epoch"):
            loader.sampler.set_epoch(epoch)
        plain = type(loader) is DataLoader and loader.batch_sampler is not None
        if not plain or isinstance(loader.dataset, IterableDataset) or self.lengths is None:
            return super().read(epoch, held, fresh)
        with self._seeded(epoch):
            batches = list(loader.batch_sampler)  # type: ignore[arg-type]
        wanted = list(chain(held, range(fresh, len(batches))))
        return zip(wanted, self._twin(epoch, [[(i, batches[i])] for i in wanted]), strict=True)

    def _values(self, epoch: int) -> Iterator[Any]:
        with self._seeded(epoch):
            values = super()._values(epoch)
            return chain(list(islice(values, 1)), values)  # samplers draw their seed when first asked

    def _seeded(self, epoch: int) -> "_Seeded":
        return _Seeded(int(rng(self.seed, epoch, 0, 0, 0).integers(2**62)), self.loader.generator)

    def _twin(self, epoch: int, batches: list[Any]) -> Iterator[Any]:
        loader = self.loader
        workers: dict[str, Any] = {}
        if loader.num_workers:
            workers = {
                "num_workers": loader.num_workers,
                "prefetch_factor": loader.prefetch_factor,
                "timeout": loader.timeout,
                "worker_init_fn": loader.worker_init_fn,
                "multiprocessing_context": loader.multiprocessing_context,
            }
        with without_advice():
            twin: DataLoader[Any] = DataLoader(
                _Placed(loader.dataset, self.seed, epoch),
                batch_sampler=batches,
                collate_fn=loader.collate_fn,
                pin_memory=loader.pin_memory,
                generator=torch.Generator().manual_seed(self.seed),  # else it would draw from the program's own
                **workers,
            )
            return iter(twin)


class _Placed(Dataset[Any]):
    """A data set asked for [(batch, indices)], so that it knows which batch it makes."""

    def __init__(self, data: Any, seed: int, epoch: int) -> None:
        self.data, self.seed, self.epoch = data, seed, epoch

    def __getitems__(self, wanted: list[tuple[int, list[Any]]]) -> list[Any]:
        [(batch, indices)] = wanted
        if get_worker_info() is not None:
            seed_globals(seed_at(self.seed, self.epoch, 1, batch, 0))
        if hasattr(self.data, "__getitems__"):
            return list(self.data.__getitems__(indices))
        return [self.data[i] for i in indices]


def seed_globals(seed: int) -> None:
    """Seed torch's, Python's and NumPy's global generators; only for processes that do nothing else.

    Not by `torch.manual_seed`: in a process without CUDA that takes 300 µs, and keeps a stack trace of each call.

    Args:
        seed: 0..2⁶⁴-1.
    """
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)  # noqa: NPY002


class _Seeded:
    """Inside, torch's CPU generator (or the loader's own) is seeded; outside, it is as it was."""

    def __init__(self, seed: int, own: torch.Generator | None) -> None:
        self.seed, self.generator = seed, own or torch.default_generator

    def __enter__(self) -> None:
        self.before = self.generator.get_state()
        self.generator.manual_seed(self.seed)

    def __exit__(self, *_: object) -> None:
        self.generator.set_state(self.before)


def as_source(data: Any, seed: int, shuffle: bool, rank: int, world: int) -> Source:
    """The reader for an object.

    Args:
        data: a DataLoader; anything with `__getitem__` and `__len__`; an iterable; the path of a folder of images in
            class folders, or of a .tar file (or several) laid out as for webdataset.
        seed: of the order.
        shuffle: a new order each epoch, where the source has an index.
        rank: of this process.
        world: processes.

    Returns:
        A reader.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(data, DataLoader):
        return Loaded(data, seed)
    paths = [data] if isinstance(data, str | Path) else data
    if isinstance(paths, list) and paths and all(isinstance(path, str | Path) for path in paths):
        if all(str(path).endswith(".tar") for path in paths):
            data = Tars(paths)
        elif isinstance(data, str | Path):
            data = folder(data)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, IterableDataset):
        return Indexed(data, seed, shuffle, rank, world)
    if hasattr(data, "__iter__"):
        return Streamed(data, rank, world)
    raise DataError(f"cannot read {type(data).__name__}: it has neither __getitem__ and __len__ nor __iter__")
