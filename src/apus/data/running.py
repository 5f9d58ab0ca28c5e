"""One pass of a pipeline under way: its threads and processes, its counters, its end."""

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from apus.data.guard import Held, check
from apus.data.plan import Need, Plan
from apus.data.stages import Apply, Batch, Echo, Echoing, Item, To
from apus.data.streams import Source
from apus.data.workers import Meter, Processes, Threads, as_it_is
from apus.techniques.echo import Schedule


class Choice:
    """A factor that the step's side finds and the echo's side waits for.

    Ranks agree on it by a collective operation, which must run where the step runs, hence the two sides.
    """

    def __init__(self) -> None:
        self._made = threading.Event()
        self.schedule: Schedule | None = None

    def make(self, schedule: Schedule | None) -> None:
        """Let the echo go on; with None, as when the pass is closed, without echo."""
        self.schedule = self.schedule or schedule
        self._made.set()

    def wait(self) -> Schedule:
        """The schedule, once it is made."""
        self._made.wait()
        return self.schedule or Schedule(Fraction(1))


class Running:
    """The threads and processes of one pass; iterate over it, then close it.

    Args:
        source: what is read.
        plan: sizes and stages.
        position: outputs already made.
        seed: of the random numbers.
        epoch: of the random numbers and the order.
        loads: whether a stage of the plan calls `source.load`.
        choice: of the echo's factor.
    """

    def __init__(
        self, source: Source, plan: Plan, position: int, seed: int, epoch: int, loads: bool, choice: Choice
    ) -> None:
        self.plan, self.seed, self.epoch, self.choice = plan, seed, epoch, choice
        self.meters: list[Meter] = []
        self.workers: list[Threads | Processes] = []
        self.echoing: Echoing | None = None
        self._serial = 0
        needs = plan.needs(position)
        again, fresh = needs[0]
        numbered = self._meter("source").timed(lambda stream: next(stream, None))
        self._flow: Iterator[Item] = _read(source, source.read(epoch, list(again), fresh), loads, numbered)
        for place, stage in enumerate(plan.stages):
            self._flow = self._add(place, stage, needs[place], needs[place + 1])
        # Nothing to hide behind the step where there is no stage but an echo of 1: a loader prefetches by itself.
        bare = plan.schedule is None and all(isinstance(stage, Echo) for stage in plan.stages)
        if not bare and not isinstance(plan.stages[-1], To):
            self._flow = self._ahead(as_it_is, workers=1, depth=2)
        self._left = None if (total := plan.mine(len(plan.stages))) is None else total - position

    def _meter(self, name: str, workers: int = 1) -> Meter:
        meter = Meter(name, workers, self.echoing is not None, self._serial)
        self.meters.append(meter)
        return meter

    def _add(self, place: int, stage: Any, need: Need, made: Need) -> Iterator[Item]:
        if isinstance(stage, Apply):
            return self._apply(place, stage)
        if isinstance(stage, To):
            return self._ahead(self._meter("copy").timed(stage.work()), workers=1, depth=stage.ahead)
        if isinstance(stage, Batch):
            wanted = self.plan.wanted(place, made)
            sizes = self.plan.mine(place), self.plan.mine(place + 1)
            return stage.run(self._flow, wanted, *sizes, self._meter("batch"))
        return self._echo(place, stage, need, made)

    def _apply(self, place: int, stage: Apply) -> Iterator[Item]:
        number = sum(isinstance(s, Apply) for s in self.plan.stages[:place])  # an echo elsewhere changes no draw
        work, workers = stage.work(self.seed, self.epoch, number), stage.workers
        depth = stage.depth or max(2 * workers, self._batch_ahead(place))
        meter = self._meter(stage.name, max(1, workers))
        if not workers:
            return map(meter.timed(work), self._flow)
        if stage.processes:
            meter.serial = -len(self.meters)  # it runs beside everything else
            processes = Processes(self._flow, work, workers, depth, meter)
            self.workers.append(processes)
            return processes
        if workers > 1:
            self._serial += 1
            meter.serial = self._serial
        return self._ahead(meter.timed(work), workers, depth)

    def _ahead(self, work: Callable[[Item], Item], workers: int, depth: int) -> Iterator[Item]:
        threads = Threads(self._flow, work, workers, depth)
        self.workers.append(threads)
        self._serial += 1
        return threads

    def _batch_ahead(self, place: int) -> int:
        sizes = [stage.size for stage in self.plan.stages[place:] if isinstance(stage, Batch)]
        return sizes[0] if sizes else 4

    def _echo(self, place: int, stage: Echo, need: Need, made: Need) -> Iterator[Item]:
        schedule = self.plan.schedule
        if schedule is None:
            return self._flow
        if not isinstance(self._flow, Threads | Processes):  # upstream must not pause while echoes make a batch
            self._flow = self._ahead(as_it_is, workers=1, depth=self._batch_ahead(place))
        names = [s.name for s in self.plan.stages[:place] if isinstance(s, Apply)]
        keep = Held(stage.max_bytes, f"after {names[-1]}" if names else "after the source")
        count = self.plan.incoming(place)
        self.echoing = Echoing(self._flow, schedule, made[1], need, count, keep, self.choice.wait)
        return iter(self.echoing)

    @property
    def ended(self) -> int | None:
        """How many items entered the echo, once known."""
        return self.echoing.count if self.echoing else None

    def __iter__(self) -> Iterator[Item]:
        while self._left is None or self._left > 0:
            item = next(self._flow, None)
            if item is None:
                return
            self._left = None if self._left is None else self._left - 1
            if item.seen is not None and self.echoing:
                check(item.value, item.seen, item.number, self.echoing.keep.place)
            yield item

    def close(self) -> None:
        """Stop all workers and wait for them."""
        self.choice.make(None)
        threads = [worker for worker in self.workers if isinstance(worker, Threads)]
        for worker in threads:
            worker.close()
        for worker in threads:
            worker.join()
        for other in self.workers:
            if isinstance(other, Processes):
                other.close()
        self._flow = iter(())


def _read(
    source: Source, numbered: Iterator[tuple[int, Any]], loads: bool, following: Callable[[Any], Any]
) -> Iterator[Item]:
    while (pair := following(numbered)) is not None:
        yield Item(pair[0], 0, pair[1] if loads else source.load(pair[1]))
