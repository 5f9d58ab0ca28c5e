"""Where a loader's time goes, stage by stage, from a few examples made in this process."""

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from typing import Any

from torch.utils.data import DataLoader

from apus.data.guard import size
from apus.data.pipeline import Pipeline

KNOWN = {"loader": "decode", "transform": "augment", "target_transform": "target"}
"""Attributes of torchvision-like data sets, and what they do."""


@dataclass
class Parts:
    """Seconds per batch by stage, all workers together, and what else a verdict needs to know of a loader."""

    stages: dict[str, float] = field(default_factory=dict)
    echoable: list[str] = field(default_factory=list)
    workers: int = 0
    cpu_share: float = 1.0
    cache_bytes: int = 0

    def as_times(self) -> dict[str, Any]:
        """The fields of `Times` that it fills."""
        return dict(vars(self))

    @classmethod
    def of_pipeline(cls, pipe: Pipeline, sample: Any) -> "Parts":
        """From the counters of a pipeline, whose stages overlap."""
        running, factor = pipe.running, pipe.factor
        stages, echoable = {}, []
        for meter in running.meters:
            per_item = meter.busy / max(meter.items, 1) / meter.workers
            items = 1 if meter.name in ("batch", "copy") else pipe.examples
            stages[meter.name] = per_item * items / (1 if meter.echoed else factor)
            if meter.name not in ("augment", "batch", "copy") and not meter.echoed:
                echoable.append(meter.name)
        workers = max((m.workers for m in running.meters), default=1)
        count = pipe.source.lengths
        bytes_ = size(sample) // max(pipe.examples, 1) * (sum(count) if count else 0)
        return cls(stages, echoable, workers, 1.0, bytes_)


def probe(loader: Any, sample: Any, load: float, *, seconds: float = 2.0) -> Parts:
    """From a few examples of a DataLoader's data set, scaled to the time that the loader really takes.

    Args:
        loader: any iterable; only a DataLoader over an indexed data set can be looked into.
        sample: one of its batches.
        load: seconds per batch of the loader alone.
        seconds: most time to spend.

    Returns:
        Its stages; a single one where it cannot be looked into.
    """
    data: Any = getattr(loader, "dataset", None)
    if not isinstance(loader, DataLoader) or not hasattr(data, "__getitem__") or not loader.batch_size:
        return Parts({"the loader": load}, [], getattr(loader, "num_workers", 0) or 0)
    clock = _Clock(data)
    with suppress(Exception):  # an example that cannot be made here is the user's affair, and no reason to fail
        examples = clock.run(loader.batch_size, seconds)
        clock.collate(loader, examples)
    if not clock.spent:
        return Parts({"the loader": load}, [], loader.num_workers)
    total = sum(clock.spent.values())
    stages = {name: load * spent / total for name, spent in clock.spent.items()}
    echoable = [name for name in stages if name in ("read", "decode")] if "augment" in stages else []
    bytes_ = size(sample) // loader.batch_size * len(data) if hasattr(data, "__len__") else 0
    share = min(1.0, clock.cpu / clock.wall) if clock.wall else 1.0
    return Parts(stages, echoable, loader.num_workers, share, bytes_)


class _Clock:
    """Times the parts of `data[i]` on a copy of the data set, whose known parts are wrapped."""

    def __init__(self, data: Any) -> None:
        self.spent: dict[str, float] = {}
        self.wall = self.cpu = 0.0
        self.data = copy.copy(data)
        self.known = [name for name in KNOWN if callable(getattr(data, name, None))]
        for name in self.known:
            with suppress(AttributeError):
                setattr(self.data, name, self._timed(KNOWN[name], getattr(data, name)))

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            begin = perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self.spent[name] = self.spent.get(name, 0.0) + perf_counter() - begin

        return timed

    def run(self, count: int, seconds: float) -> list[Any]:
        """Make examples; the first is not counted, as it may open files."""
        self.data[0]
        self.spent.clear()
        examples, begin, cpu = [], perf_counter(), thread_time()
        for i in self._indices(count):
            examples.append(self.data[i])
            if perf_counter() - begin > seconds:
                break
        self.wall, self.cpu = perf_counter() - begin, thread_time() - cpu
        rest = self.wall - sum(self.spent.values())
        self.spent = {"read" if self.known else "dataset[i]": rest, **self.spent}
        self.spent = {name: spent * count / len(examples) for name, spent in self.spent.items()}
        return examples

    def _indices(self, count: int) -> Iterator[int]:
        length = len(self.data) if hasattr(self.data, "__len__") else count
        return ((7 * i + 1) % length for i in range(count))

    def collate(self, loader: Any, examples: list[Any]) -> None:
        begin = perf_counter()
        loader.collate_fn(examples)
        self.spent["collate"] = (perf_counter() - begin) * loader.batch_size / len(examples)
