"""What one contender did: how fast, how steadily, and how close to the reference."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from apus.bench.protocol import Array
from apus.bench.results import row


@dataclass(frozen=True, slots=True)
class Agreement:
    """How close two runs of one network are, over all outputs.

    `relative` is max|a-b| / max|b|; `argmax_pct` is the share of rows whose largest entry has the same index
    (100 for outputs without a last dimension above 1).
    """

    reference: str
    max_absolute: float
    relative: float
    argmax_pct: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """Latencies of one contender in microseconds per run; `low` and `high` bound the median over the rounds."""

    contender: str
    network: str
    p50_us: float
    p99_us: float
    min_us: float
    low_us: float
    high_us: float
    runs: int
    batch: int
    agreement: Agreement | None
    settings: dict[str, object]

    @property
    def per_second(self) -> float:
        """Samples per second at the median latency."""
        return self.batch * 1e6 / self.p50_us

    def row(self, case: str) -> dict[str, Any]:
        """This measurement as one `p50_us` row of the results shape."""
        detail = asdict(self) | {"per_second": self.per_second}
        return row(case, "p50_us", self.p50_us, "us", low=self.low_us, high=self.high_us, runs=self.runs, detail=detail)


def measurement(
    rounds: list[Array],
    *,
    contender: str,
    network: str,
    batch: int,
    agreement: Agreement | None,
    settings: dict[str, object],
) -> Measurement:
    """Summarise the times of one contender.

    Args:
        rounds: nanoseconds per run, one array per round, none empty.
        contender: its label.
        network: the network it ran.
        batch: samples per run.
        agreement: how its outputs compared with the reference, or None for the reference itself.
        settings: what `Contender.settings` said.

    Returns:
        The summary.
    """
    times = np.concatenate(rounds) / 1e3
    medians = [float(np.median(times_ns)) / 1e3 for times_ns in rounds]
    p50, p99 = np.percentile(times, [50, 99])
    return Measurement(
        contender=contender,
        network=network,
        p50_us=float(p50),
        p99_us=float(p99),
        min_us=float(times.min()),
        low_us=min(medians),
        high_us=max(medians),
        runs=times.size,
        batch=batch,
        agreement=agreement,
        settings=settings,
    )
