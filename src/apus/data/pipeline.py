"""An input pipeline that echoes: stages in a chain, an order that is a function of place, exact resume.

```python
pipe = (Pipeline(files, seed=0).read(load, workers=8).decode(decode, workers=8)
        .echo("auto")                                    # its place in the chain is where it echoes
        .augment(augment, workers=4).batch(256).to("cuda"))
for x, y in pipe: ...
print(pipe.metrics())
```
"""

import warnings
import zlib
from collections.abc import Iterator
from fractions import Fraction
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from apus.data.chain import Chain
from apus.data.order import rng
from apus.data.plan import Plan
from apus.data.rate import Gap, Metrics, Rates, largest_of_ranks
from apus.data.running import Choice, Running
from apus.data.stages import Apply, Batch, Echo, Item
from apus.errors import DataError
from apus.techniques.echo import Schedule, choose_factor

WARM, MEASURED = 8, 32  # batches before and while R is measured


class Pipeline(Chain):
    """A chain of stages that runs; iterate over it once for each epoch.

    A function that takes an argument `rng` gets NumPy random numbers that are a function of (seed, epoch, stage, item,
    copy), so the stream is the same for any number and kind of workers. Others draw from global generators, which only
    process workers seed.

    Args:
        source: a map-style data set, list, iterable, DataLoader, folder of images or tar files; see `streams`.
        seed: of order and random numbers, ≥ 0.
        shuffle: a new order each epoch, where the source has an index.
        rank: of this process; by default torch.distributed's.
        world: processes; by default torch.distributed's.

    >>> pipe = Pipeline([1, 2, 3, 4], shuffle=False).echo(2, spread="none").batch(4)
    >>> [batch.tolist() for batch in pipe]
    [[1, 1, 2, 2], [3, 3, 4, 4]]
    """

    def _begin(self) -> None:
        self.epoch, self._position, self._start = 0, 0, 0
        self._chosen: tuple[Fraction, int, int] | None = None  # factor, epoch, first echoed item
        self._ended: int | None = None
        self._running: Running | None = None
        self._rates: Rates | None = None
        self._sized = False
        self._gap = Gap()
        self.views = torch.zeros(0, dtype=torch.long)

    def _schedule(self, epoch: int) -> Schedule | None:
        stage = self._echo()
        if stage is None:
            return None
        factor, start = stage.factor, 0
        if factor is None and self._chosen and epoch >= self._chosen[1]:
            factor, start = self._chosen[0], self._chosen[2] if epoch == self._chosen[1] else 0
        elif factor is None:
            start = (self._measured() + 4) * (self._batch() or 1)
        if factor == 1 and start == 0:
            return None  # nothing to echo: as if the stage were not there
        return stage.schedule(factor, self._batch(), start, int(rng(self.seed, epoch, 0, 0, 1).integers(2**62)))

    def _measured(self) -> int:
        """Batches after which `auto` chooses: fewer when a pass is short."""
        lengths = self.source.lengths
        passes = WARM + MEASURED if lengths is None else min(lengths) // (4 * (self._batch() or 1))
        return max(2, min(WARM + MEASURED, passes))

    def _plan(self, epoch: int, schedule: Schedule | None) -> Plan:
        return Plan(self.stages, self.source.lengths, self.rank, schedule, self._ended)

    def _length(self, schedule: Schedule | None) -> int:
        total = self._plan(self.epoch, schedule).mine(len(self.stages))
        if total is None:
            raise TypeError(f"a stream of {type(self._given).__name__} has no length")
        return total

    def __len__(self) -> int:
        """Optimiser steps of one pass, echoes included."""
        self._sized = True
        return self._length(self._schedule(self.epoch))

    @property
    def fresh_len(self) -> int:
        """Steps that one pass would have without echo."""
        return self._length(None)

    def steps_for(self, fresh_epochs: float) -> int:
        """Optimiser steps of so many passes over the data: what a learning-rate schedule needs."""
        self._sized = True
        return round(fresh_epochs * self._length(self._schedule(self.epoch + 1 if self._chosen else self.epoch)))

    # passes

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass that of `epoch`, from its beginning."""
        self.epoch, self._start, self._position, self._ended = epoch, 0, 0, None

    def __iter__(self) -> Iterator[Any]:
        return self.read_from(self.epoch, self._start)

    def read_from(self, epoch: int, position: int = 0) -> Iterator[Any]:
        """The outputs `position`, `position` + 1, ... of one pass."""
        self.epoch, self._position = epoch, position
        schedule, choice = self._schedule(epoch), Choice()
        plan = self._plan(epoch, schedule)
        running = Running(self.source, plan, position, self.seed, epoch, self._loads, choice)
        self._running, self._rates = running, Rates(running.meters)
        try:
            yield from self._deliver(running, schedule, choice)
            self.epoch, self._position, self._start, self._ended = epoch + 1, 0, 0, None
        finally:
            running.close()

    @property
    def examples(self) -> int:
        """Examples per output: the batch size, or 1."""
        return next((stage.size for stage in self.stages if isinstance(stage, Batch)), 1)

    def _deliver(self, running: Running, schedule: Schedule | None, choice: Choice) -> Iterator[Any]:
        rates, flow, delivered = self._rates, iter(running), 0
        assert rates is not None
        rates.warm, per_value = self._warm(schedule), self._batch_size()
        while True:
            asked = perf_counter()
            item: Item | None = next(flow, None)
            if item is None:
                return
            given = perf_counter()
            delivered += 1
            self._position += 1
            views = item.views or (item.copy,)
            self.views = torch.tensor(views)
            if schedule is not None and schedule.factor is None and self._position == self._measured():
                schedule = self._choose(rates, schedule, choice)
            yield item.value
            if delivered == rates.warm:
                rates.clear()
            else:
                each = 1 if item.views else per_value
                rates.step(given - asked, perf_counter() - given, each * len(views), each * views.count(0))

    def _warm(self, schedule: Schedule | None) -> int:
        """Batches before rates count: fewer when the pass is short or a factor must be chosen in it."""
        if schedule is not None and schedule.factor is None:
            return min(WARM, self._measured() // 2)
        steps = self._plan(self.epoch, schedule).mine(len(self.stages))
        return WARM if steps is None else min(WARM, (steps - self._position) // 4)

    def _batch_size(self) -> int:
        """Examples per output, where the pipeline or its loader says it."""
        return self.examples if any(isinstance(s, Batch) for s in self.stages) else getattr(self.source, "batch", 1)

    def _choose(self, rates: Rates, schedule: Schedule, choice: Choice) -> Schedule:
        stage = self._echo()
        assert stage is not None
        factor = choose_factor(rates.ratio(1, largest_of_ranks), stage.most)
        self._chosen = factor, self.epoch, schedule.start
        if self._sized and factor != 1:
            warnings.warn(
                f"echo('auto') chose {float(factor):g}, so a pass has more steps than len() said: "
                "size learning-rate schedules by steps_for(), or give the factor",
                stacklevel=3,
            )
        made = stage.schedule(factor, self._batch(), schedule.start, schedule.key)
        choice.make(made)
        return made

    # state

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, counting what the loop was given: numbers alone, well below 4 KB."""
        ended = self._running.ended if self._running and self.source.lengths is None else None
        chosen = self._chosen and [self._chosen[0].numerator, self._chosen[0].denominator, *self._chosen[1:]]
        return {
            "version": 1,
            "epoch": self.epoch,
            "position": self._position,
            "ended": self._ended if ended is None else ended,
            "chosen": chosen,
            "made_by": self._fingerprint(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin the next pass where `state` was taken.

        Args:
            state: of `state_dict`.

        Raises:
            DataError: the state comes from another pipeline.
        """
        mine = self._fingerprint()
        different = [
            f"{k}: {state['made_by'].get(k)} then, {v} now" for k, v in mine.items() if state["made_by"].get(k) != v
        ]
        if different:
            raise DataError(f"this state was made by another pipeline ({'; '.join(different)})")
        self.epoch, self._start, self._ended = state["epoch"], state["position"], state["ended"]
        self._position = self._start
        c = state["chosen"]
        self._chosen = c and (Fraction(c[0], c[1]), c[2], c[3])

    def _fingerprint(self) -> dict[str, Any]:
        shape = [
            s.name if isinstance(s, Apply) else repr((s.factor, s.spread, s.size, s.most)) if isinstance(s, Echo)
            else f"batch {s.size} {s.whole}" if isinstance(s, Batch) else "to"
            for s in self.stages
        ]  # fmt: skip
        lengths = self.source.lengths
        stages = f"{zlib.crc32(' '.join(shape).encode()):08x}"
        return {"seed": self.seed, "world": self.world, "length": lengths and sum(lengths), "stages": stages}

    # measurements

    @property
    def factor(self) -> float:
        """The echo factor in force."""
        schedule = self._schedule(self.epoch)
        return float(schedule.factor or 1) if schedule else 1.0

    def observe(self, losses: Tensor) -> None:
        """Tell the loss of each example of the last batch, (B,), or one loss for a batch that is echoed whole."""
        self._gap.add(self.views, losses.detach().reshape(-1).cpu())

    @property
    def running(self) -> Running:
        """The present or last pass.

        Raises:
            DataError: no pass was begun.
        """
        if self._running is None:
            raise DataError("nothing is measured before the first batch")
        return self._running

    def restart_metrics(self) -> None:
        """Measure anew from here, as after a warm-up of the caller's own.

        Raises:
            DataError: no pass was begun.
        """
        self.running  # noqa: B018 (raises)
        assert self._rates is not None
        self._rates.warm = 0  # the caller's warm-up takes the place of the pipeline's
        self._rates.clear()

    def metrics(self) -> Metrics:
        """Rates since the warm-up of the present or last pass.

        Returns:
            Rates, stall, R and echo gap, and what each stage took.

        Raises:
            DataError: no pass was begun.
        """
        echoing = self.running.echoing
        assert self._rates is not None
        return self._rates.metrics(self.factor, self._gap.value(), echoing.keep.bytes if echoing else 0)
