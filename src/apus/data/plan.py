"""What one pass makes: how many items each stage gets, and what each must read in order to begin at a position."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from apus.data.order import limits, steps_of
from apus.data.resume import held
from apus.data.stages import Batch, Echo, Stage
from apus.techniques.echo import FOREVER, Schedule

Need = tuple[dict[int, int], int]


@dataclass(frozen=True)
class Plan:
    """The sizes of one pass.

    Attributes:
        stages: in order.
        lengths: items of the source by rank; None for a stream that does not say.
        rank: of this process.
        schedule: of the echo; None without one.
        ended: items that entered the echo before the stream's end was met, where lengths is None.
    """

    stages: Sequence[Stage]
    lengths: Sequence[int] | None
    rank: int
    schedule: Schedule | None
    ended: int | None = None

    def counts(self) -> list[list[int] | None]:
        """By stage what goes in, by rank; last, what comes out."""
        flow: list[list[int] | None] = [None if self.lengths is None else list(self.lengths)]
        for stage in self.stages:
            flow.append(self._after(stage, flow[-1]))
        if (last := flow[-1]) is not None:
            flow[-1] = [min(last)] * len(last)
        return flow

    def _after(self, stage: Stage, incoming: list[int] | None) -> list[int] | None:
        if incoming is None:
            return None
        if isinstance(stage, Echo) and self.schedule:
            return [self.schedule.total(n) for n in incoming]
        if isinstance(stage, Batch):
            return [steps_of(incoming, stage.size, stage.whole)] * len(incoming)
        return incoming

    def mine(self, place: int) -> int | None:
        """What goes into stage `place` on this rank."""
        counts = self.counts()[place]
        return None if counts is None else counts[self.rank]

    def incoming(self, place: int) -> int | None:
        """What goes into the echo, if the source says it or its end was met."""
        known = self.mine(place)
        return self.ended if known is None else known

    def needs(self, position: int) -> list[Need]:
        """By stage which items must come in: those held (emissions left), and the first fresh one; last, what goes out.

        Args:
            position: outputs already made.

        Returns:
            A pair for each stage and one more.
        """
        flow: list[Need] = [({}, position)]
        for place in reversed(range(len(self.stages))):
            flow.insert(0, self._before(place, *flow[0]))
        return flow

    def _before(self, place: int, again: dict[int, int], fresh: int) -> Need:
        stage = self.stages[place]
        if isinstance(stage, Echo) and self.schedule:
            known = self.incoming(place)
            return held(self.schedule, FOREVER if known is None else known, fresh)
        if isinstance(stage, Batch):
            inside = [m for step in again for m in range(*self.limits(place, step))]
            return dict.fromkeys(inside, 1), self.limits(place, fresh)[0]
        return again, fresh

    def limits(self, place: int, step: int) -> tuple[int, int]:
        """First and past-the-last input of one batch of the batch stage `place`."""
        stage, incoming, steps = self.stages[place], self.mine(place), self.mine(place + 1)
        assert isinstance(stage, Batch)
        if incoming is None or steps is None:
            return step * stage.size, (step + 1) * stage.size
        return limits(step, incoming, stage.size, steps)

    def wanted(self, place: int, need: Need) -> Iterator[int]:
        """The outputs of stage `place` that are asked for, in order."""
        made = self.mine(place + 1)
        yield from need[0]
        yield from count(need[1]) if made is None else range(need[1], made)
