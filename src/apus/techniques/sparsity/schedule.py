"""How sparse a network is to be at each step.

Source: Kalchbrenner et al. 2018, arXiv:1802.08435, §3.1; Zhu, Gupta, "To prune, or not to prune", 2017,
arXiv:1710.01878, Eq. (1) (the same cubic).
"""

from collections.abc import Callable

from apus.techniques.sparsity.blocks import check_share
from apus.techniques.sparsity.masks import Masks


def cubic(step: int, *, begin: int, end: int, final: float) -> float:
    """Sparsity at a step, z = Z · (1 - (1 - (t - t0) / S)³): fast while much is redundant, then slow.

    Args:
        step: t.
        begin: t0; before it nothing is pruned.
        end: t0 + S; from it on the sparsity is final.
        final: Z in 0..1.

    Returns:
        Share of weights to be zero, 0..Z.

    Source: 1802.08435 §3.1.

    >>> [round(cubic(t, begin=10, end=20, final=0.8), 3) for t in (10, 15, 20)]
    [0.0, 0.7, 0.8]
    """
    if step >= end:
        return final
    left = 1 - max(0, step - begin) / max(1, end - begin)
    return final * (1 - left**3)


def gradually(masks: Masks, final: float, *, begin: float, end: float, every: int) -> Callable[[int, int], None]:
    """Prune on the cubic schedule while a network trains.

    Args:
        masks: of the network.
        final: sparsity in the end, 0..1.
        begin: share of the steps before which nothing is pruned, 0..1.
        end: share of the steps after which nothing more is, 0..1.
        every: steps between two choices of what goes.

    Returns:
        To be called after each step with the steps done, from 1, and all steps: `Plugs(after_step=...)`.

    Raises:
        ValueError: a number is out of its range, or `begin` above `end`.

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(64, 64))
    >>> after_step = gradually(Masks(model, "16x1"), 0.75, begin=0.0, end=0.5, every=1)
    >>> for step in range(1, 11):
    ...     after_step(step, 10)
    >>> (model[0].weight == 0).float().mean().item()
    0.75
    """

    if check_share(begin, "begin") > check_share(end, "end"):
        raise ValueError(f"begin {begin!r} must not be above end {end!r}")
    if every < 1:
        raise ValueError(f"every {every!r} must be 1 or more")
    check_share(final)

    def after_step(step: int, steps: int) -> None:
        first, last = round(begin * steps), max(1, round(end * steps))
        if step == last or (first <= step < last and step % every == 0):
            masks.update(cubic(step, begin=first, end=last, final=final))
        else:
            masks.apply()

    return after_step
