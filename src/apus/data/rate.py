"""How fast a running pipeline goes, and the ratio R of its two sides, from counters alone."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from apus.data.workers import Meter
from apus.techniques.echo import ratio

Reduce = Callable[[list[float]], list[float]]


@dataclass(frozen=True)
class Metrics:
    """What happened since the last `clear`.

    Attributes:
        fresh_per_s: examples that the step got for the first time, a second.
        emitted_per_s: examples that the step got, repeats included, a second.
        stall_pct: share of time in which the step waited for input.
        factor: echo factor in force.
        R: time before the echo over time after it, both per example.
        gap: mean loss of first views minus that of repeats; None until told. Strongly positive: lower the factor.
        held_bytes: what the echo holds.
        stages: seconds of work per item and share of time at work, by stage.
    """

    fresh_per_s: float
    emitted_per_s: float
    stall_pct: float
    factor: float
    R: float
    gap: float | None
    held_bytes: int
    stages: dict[str, dict[str, float]]

    def __str__(self) -> str:
        gap = "" if self.gap is None else f", gap {self.gap:+.3f}"
        return (
            f"fresh {self.fresh_per_s:.0f}/s, emitted {self.emitted_per_s:.0f}/s, stall {self.stall_pct:.0f} %, "
            f"echo {self.factor:g}, R {self.R:.2f}{gap}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Rates:
    """Counters of one pass; `warm` outputs of it are not to count.

    Args:
        meters: of the stages.
    """

    def __init__(self, meters: Sequence[Meter]) -> None:
        self.meters, self.warm = list(meters), 0
        self.clear()

    def clear(self) -> None:
        """Begin again, as after warm-up."""
        for meter in self.meters:
            meter.clear()
        self.since, self.waited, self.stepped, self.emitted, self.fresh = perf_counter(), 0.0, 0.0, 0, 0

    def step(self, waited: float, stepped: float, emitted: int, fresh: int) -> None:
        """Count one training step: seconds it waited for input and took, examples it got and saw first."""
        self.waited += waited
        self.stepped += stepped
        self.emitted += emitted
        self.fresh += fresh

    def busiest(self, echoed: bool) -> float:
        """Share of time at work of the slowest stage on one side of the echo.

        Stages without workers of their own run one after another in one thread, so their work adds up.
        """
        elapsed = max(perf_counter() - self.since, 1e-9)
        shares: dict[int, float] = {}
        for meter in self.meters:
            if meter.echoed == echoed:
                shares[meter.serial] = shares.get(meter.serial, 0.0) + meter.busy / (meter.workers * elapsed)
        return max(shares.values(), default=0.0)

    def ratio(self, factor: float, reduce: Reduce = lambda values: values) -> float:
        """R = e(1−p)/(1−s), where 1−p and 1−s are the busiest shares before and after the echo.

        Args:
            factor: e.
            reduce: the largest of each number over ranks.

        Returns:
            R > 0.
        """
        total = self.waited + self.stepped
        step = self.stepped / total if total else 1.0
        before, after, step = reduce([self.busiest(echoed=False), self.busiest(echoed=True), -step])
        # A step waits for the slowest rank in its collectives, so the shortest step is the one that only works.
        return ratio(factor, before, 1 - max(after, -step))

    def metrics(self, factor: float, gap: float | None, held: int) -> Metrics:
        """All of them, as of now."""
        elapsed = max(perf_counter() - self.since, 1e-9)
        total = max(self.waited + self.stepped, 1e-9)
        stages = {
            m.name: {"ms_per_item": 1e3 * m.busy / max(m.items, 1), "busy_pct": 100 * m.busy / (m.workers * elapsed)}
            for m in self.meters
        }
        share = 100 * self.waited / total
        return Metrics(self.fresh / total, self.emitted / total, share, factor, self.ratio(factor), gap, held, stages)


class Gap:
    """The echo gap: how much higher the loss is on first views than on repeats, a running mean."""

    def __init__(self, decay: float = 0.98) -> None:
        self.decay, self.means, self.weights = decay, [0.0, 0.0], [0.0, 0.0]

    def add(self, views: Tensor, losses: Tensor) -> None:
        """Take note of one batch.

        Args:
            views: which copy each example is, (B,); 0 is the first view.
            losses: of each example, (B,).
        """
        for side, chosen in enumerate((losses[views == 0], losses[views > 0])):
            if len(chosen):
                self.means[side] = self.decay * self.means[side] + (1 - self.decay) * float(chosen.mean())
                self.weights[side] = self.decay * self.weights[side] + (1 - self.decay)

    def value(self) -> float | None:
        """First views minus repeats; None before both were seen."""
        if not all(self.weights):
            return None
        return self.means[0] / self.weights[0] - self.means[1] / self.weights[1]


def largest_of_ranks(values: list[float]) -> list[float]:
    """The largest of each number over ranks, the same list on all of them; `values` if there is one process."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return values
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
    return [float(value) for value in tensor]
