"""Ordered parallel map over a stream, by threads or by processes, with a bounded window."""

import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any

from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader, Dataset, Sampler

Work = Callable[[Any], Any]


@dataclass
class Meter:
    """What a stage did since the last `clear`: seconds of work, summed over its workers, and items."""

    name: str
    workers: int = 1
    echoed: bool = False
    serial: int = 0
    busy: float = 0.0
    items: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, seconds: float, items: int = 1) -> None:
        """Count work."""
        with self.lock:
            self.busy += seconds
            self.items += items

    def clear(self) -> None:
        """Begin again."""
        with self.lock:
            self.busy, self.items = 0.0, 0

    def timed(self, work: Work) -> Work:
        """`work`, counted."""

        def counted(value: Any) -> Any:
            begin = perf_counter()
            try:
                return work(value)
            finally:
                self.add(perf_counter() - begin)

        return counted


class Threads:
    """Results of `work` in the order of `upstream`, made by threads that run ahead by at most `depth` items.

    An error of `work` or `upstream` is raised in its place in the order.

    Args:
        upstream: pulled by one thread at a time.
        work: called by many at once.
        workers: threads, ≥ 1.
        depth: most items begun and not yet taken, ≥ 1.

    >>> list(Threads(iter(range(4)), lambda x: x * x, workers=2, depth=4))
    [0, 1, 4, 9]
    """

    def __init__(self, upstream: Iterator[Any], work: Work, workers: int, depth: int) -> None:
        self._upstream, self._work, self._depth = upstream, work, max(depth, workers)
        self._done: dict[int, tuple[Any, BaseException | None]] = {}
        self._begun = self._taken = 0
        self._end: int | None = None
        self._stopped = False
        lock = threading.Lock()
        self._pull, self._ready, self._room = threading.Lock(), threading.Condition(lock), threading.Condition(lock)
        self._threads = [threading.Thread(target=self._run, daemon=True, name="apus-data") for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while (task := self._begin()) is not None:
            place, value = task
            try:
                self._finish(place, self._work(value), None)
            except BaseException as error:  # raised again where the consumer takes it
                self._finish(place, None, error)

    def _begin(self) -> tuple[int, Any] | None:
        with self._pull:
            with self._room:
                while not self._stopped and self._begun - self._taken >= self._depth:
                    self._room.wait()
            if self._stopped or self._end is not None:
                return None
            try:
                value = next(self._upstream)
            except BaseException as error:
                self._close_order(None if isinstance(error, StopIteration) else error)
                return None
            self._begun += 1
            return self._begun - 1, value

    def _close_order(self, error: BaseException | None) -> None:
        with self._ready:
            self._end = self._begun + (error is not None)
            if error is not None:
                self._done[self._begun] = None, error
            self._ready.notify_all()

    def _finish(self, place: int, value: Any, error: BaseException | None) -> None:
        with self._ready:
            self._done[place] = value, error
            if place == self._taken:
                self._ready.notify_all()

    def __iter__(self) -> "Threads":
        return self

    def __next__(self) -> Any:
        with self._ready:
            while self._taken not in self._done:
                if self._stopped or (self._end is not None and self._taken >= self._end):
                    raise StopIteration
                self._ready.wait()
            value, error = self._done.pop(self._taken)
            self._taken += 1
            self._room.notify()
        if error is not None:
            self.close()
            raise error
        return value

    def close(self) -> None:
        """Stop: no item is begun any more, and whoever waits is told that the stream ended."""
        with self._ready:
            self._stopped = True
            self._ready.notify_all()
            self._room.notify_all()

    def join(self) -> None:
        """After `close` of all stages: wait until the threads have gone."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(10)


@contextmanager
def without_advice() -> Iterator[None]:
    """Without the DataLoader's advice on how many workers to make, which counts cores and measures nothing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        yield


class _Worked(Dataset[Any]):
    def __init__(self, work: Work) -> None:
        self.work = work

    def __getitem__(self, tasks: list[Any]) -> tuple[list[Any], float]:
        begin, results = perf_counter(), []
        for task in tasks:
            try:
                results.append(self.work(task))
            except Exception:
                results.append(ExceptionWrapper(where="in a worker process"))  # type: ignore[no-untyped-call]
                break
        return results, perf_counter() - begin


class _Tasks(Sampler[Any]):
    def __init__(self, upstream: Iterator[Any], chunk: int) -> None:
        self.upstream, self.chunk = upstream, chunk

    def __iter__(self) -> Iterator[Any]:
        return iter(lambda: list(islice(self.upstream, self.chunk)), [])


def as_it_is(value: Any) -> Any:
    """The value."""
    return value


class Processes:
    """Like `Threads`, by processes: torch's DataLoader carries the tasks, the errors and the shared memory.

    Args:
        upstream: pulled when a result is taken.
        work: called in the processes; forked, so it need not pickle where processes fork.
        workers: processes, ≥ 1.
        depth: most items begun and not yet taken, rounded to a multiple of `workers`.
        meter: told the seconds of work.
    """

    def __init__(self, upstream: Iterator[Any], work: Work, workers: int, depth: int, meter: Meter) -> None:
        self._meter, self._made = meter, deque[Any]()
        chunk = max(1, min(16, depth // (4 * workers)))  # a message for each item would cost more than a small item
        ahead = max(1, round(depth / (workers * chunk)))
        with without_advice():
            loader: DataLoader[Any] = DataLoader(
                _Worked(work),
                None,
                sampler=_Tasks(upstream, chunk),
                num_workers=workers,
                prefetch_factor=ahead,
                collate_fn=as_it_is,
            )
            self._results: Iterator[Any] = iter(loader)

    def __iter__(self) -> "Processes":
        return self

    def __next__(self) -> Any:
        if not self._made:
            values, seconds = next(self._results)
            self._made.extend(values)
            self._meter.add(seconds, len(values))
        value = self._made.popleft()
        if isinstance(value, ExceptionWrapper):
            self.close()
            value.reraise()  # type: ignore[no-untyped-call]
        return value

    def close(self) -> None:
        """Stop the processes."""
        with suppress(AttributeError):  # an iterator that never began has nothing to stop
            self._results._shutdown_workers()  # type: ignore[attr-defined]

    def join(self) -> None:
        """`close` has waited for them."""
