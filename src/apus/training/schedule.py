"""Learning rate as a pure function of the step."""

import math


def rate(step: int, steps: int, *, schedule: str, warmup: float, final: float) -> float:
    """Share of the peak learning rate at a step: a linear rise, then the schedule's fall.

    Args:
        step: 0..steps-1.
        steps: of the whole training.
        schedule: `constant`, `linear` (one-cycle's fall, Smith 2017, arXiv:1708.07120) or
            `cosine` (Loshchilov, Hutter 2016, arXiv:1608.03983, Eq. (5), one period).
        warmup: share of the steps that rise, 0..1.
        final: share of the peak at the end, 0..1.

    Returns:
        In 0..1.

    >>> [round(rate(t, 10, schedule="cosine", warmup=0.2, final=0.0), 3) for t in (0, 1, 2, 6)]
    [0.5, 1.0, 1.0, 0.5]
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    passed = (step - rising) / max(1, steps - rising)
    fall = {"constant": 1.0, "linear": 1 - passed, "cosine": 0.5 * (1 + math.cos(math.pi * passed))}[schedule]
    return fall if schedule == "constant" else final + (1 - final) * fall
