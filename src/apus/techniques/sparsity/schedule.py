"""How sparse a network is to be at each step.

Source: Kalchbrenner et al. 2018, arXiv:1802.08435, §3.1; Zhu, Gupta, "To prune, or not to prune", 2017,
arXiv:1710.01878, Eq. (1) (the same cubic).
"""


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
