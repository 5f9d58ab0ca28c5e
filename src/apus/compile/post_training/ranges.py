"""From what calibration saw to scales and zero points.

Activations are uint8 with a zero point, one pair per tensor; weights int8 without, one scale per output channel.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from apus.errors import DataError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Method: TypeAlias = Literal["minmax", "percentile", "mse"]

BINS = 2048
SHRINKS = np.linspace(0.3, 1.0, 71)
"""Fractions of the full range that `mse` tries."""


@dataclass(slots=True)
class Observed:
    """What calibration saw of one tensor: its extremes, and in a second pass its histogram between them."""

    low: float = np.inf
    high: float = -np.inf
    counts: Array | None = None

    def widen(self, array: Array) -> None:
        """First pass: extremes."""
        low, high = float(array.min()), float(array.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise DataError("calibration holds NaN or infinity, or leads the model to one: no range covers it")
        self.low, self.high = min(self.low, low), max(self.high, high)

    def count(self, array: Array) -> None:
        """Second pass: histogram of `BINS` bins from `low` to `high`."""
        new = np.histogram(array, BINS, (self.low, max(self.high, self.low + 1e-12)))[0]
        self.counts = new if self.counts is None else self.counts + new

    def centres(self) -> Array:
        """The middle of each bin."""
        edges = np.linspace(self.low, max(self.high, self.low + 1e-12), BINS + 1)
        middles: Array = (edges[1:] + edges[:-1]) / 2
        return middles


def activation_range(seen: Observed, method: Method, percentile: float) -> tuple[float, float]:
    """The range that 256 steps shall cover; holds 0, so that padding and ReLU are exact.

    Args:
        seen: what calibration saw.
        method: `minmax`, `percentile` or `mse`; the last two need the histogram.
        percentile: per cent of the values that `percentile` keeps.

    Returns:
        The two ends, low ≤ 0 ≤ high.
    """
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    if method == "minmax" or seen.counts is None:
        return low, high
    if method == "percentile":
        share = np.cumsum(seen.counts) / seen.counts.sum()
        outside = (1 - percentile / 100) / 2 if low < 0 else 1 - percentile / 100
        places = np.searchsorted(share, [outside, 1 - outside]).clip(0, BINS - 1)
        kept = seen.centres()[places]
        return min(float(kept[0]), 0.0) if low < 0 else 0.0, max(float(kept[1]), 0.0)
    errors = [_error(seen, low * shrink, high * shrink) for shrink in SHRINKS]
    best = float(SHRINKS[int(np.argmin(errors))])
    return low * best, high * best


def _error(seen: Observed, low: float, high: float) -> float:
    """Mean squared error of rounding and clipping to [low, high], over the histogram."""
    scale, zero_point = activation_parameters(low, high)
    x = seen.centres()
    q = np.clip(np.rint(x / scale) + zero_point, 0, 255)
    return float(np.dot(seen.counts if seen.counts is not None else 0, ((q - zero_point) * scale - x) ** 2))


def activation_parameters(low: float, high: float) -> tuple[np.float32, np.uint8]:
    """Scale and zero point: real = scale * (q - zero_point), q in 0..255.

    >>> activation_parameters(0.0, 255.0)
    (np.float32(1.0), np.uint8(0))
    """
    scale = np.float32(max((high - low) / 255, 1e-12))
    return scale, np.uint8(np.clip(np.rint(-low / scale), 0, 255))


def weight_scales(weight: Array, method: Method) -> Array:
    """One scale per row of `weight`, symmetric in -127..127.

    Args:
        weight: float, shape (M, K), one output per row.
        method: with `mse` each row's range is the one with the least squared error.

    Returns:
        Shape (M,), positive. A row of zeros takes the largest scale of the others.
    """
    largest = np.abs(weight).max(axis=1)
    scales = largest / 127
    if method == "mse":
        tries = np.stack([_row_errors(weight, scales * shrink) for shrink in SHRINKS])
        scales = scales * SHRINKS[tries.argmin(axis=0)]
    return np.where(largest > 0, scales, scales.max() or 1.0).astype(np.float32)


def _row_errors(weight: Array, scales: Array) -> Array:
    safe = np.where(scales > 0, scales, 1.0)[:, None]
    errors: Array = ((np.clip(np.rint(weight / safe), -127, 127) * safe - weight) ** 2).sum(axis=1)
    return errors
