"""RigL: a sparse network exchanges its weakest weights for those that the gradient asks for.

Source: Evci, Gale, Menick, Castro, Elsen, "Rigging the Lottery: Making All Tickets Winners", 2019, arXiv:1911.11134.
Here the units are whole blocks, scored by the mean magnitude of weight and gradient.
"""

import math

import torch
from torch import Tensor

from apus.techniques.sparsity.blocks import check_share, keep_top
from apus.techniques.sparsity.masks import Masks


def cosine(step: int, *, end: int, alpha: float = 0.3) -> float:
    """Share of living blocks to exchange at a step, α / 2 · (1 + cos(π · t / T_end)).

    Args:
        step: t ≥ 0.
        end: T_end; from it on nothing is exchanged.
        alpha: the share at t = 0, 0..1.

    Returns:
        0..α.

    Source: §3, "Update schedule".

    >>> [round(cosine(t, end=100), 3) for t in (0, 50, 100)]
    [0.3, 0.15, 0.0]
    """
    return alpha / 2 * (1 + math.cos(math.pi * step / end)) if step < end else 0.0


def exchange(alive: Tensor, magnitude: Tensor, gradient: Tensor, fraction: float) -> Tensor:
    """Drop the smallest living units, and grow as many with the largest gradient.

    Args:
        alive: bool, any shape.
        magnitude: scores of the weights, of the same shape.
        gradient: scores of the gradients, of the same shape.
        fraction: share of the living to drop, 0..1.

    Returns:
        Who lives now; as many as before. A unit just dropped may be grown again.

    Source: §3, "Drop criterion" and "Grow criterion".
    """
    living = int(alive.sum())
    moved = round(fraction * living)
    survivors = keep_top(magnitude.masked_fill(~alive, -torch.inf), living - moved)
    return survivors | keep_top(gradient.masked_fill(survivors, -torch.inf), moved)


@torch.no_grad()
def regrow(masks: Masks, fraction: float) -> None:
    """Exchange a share of the living blocks of every layer; balance and sparsity stay as they are.

    Call it after `backward()`, before the gradients are cleared: dead weights are zeros, yet they have gradients.
    What is grown starts from 0.

    Args:
        masks: at the sparsity wanted; `update` has been called.
        fraction: share to exchange, 0..1, as from `cosine`.

    Raises:
        ValueError: a layer has no gradient, or the share is out of its range.
    """
    check_share(fraction, "fraction")
    for name, layer in masks.layers.items():
        if layer.weight.grad is None:
            raise ValueError(f"{name}: no gradient; call regrow() after backward() and before zero_grad()")
        alive, magnitude = masks.alive(name), masks.scores(name, layer.weight)
        gradient, kept = masks.scores(name, layer.weight.grad), torch.empty_like(alive)
        rows = [values.reshape(-1, values.shape[-1]) for values in (kept, alive, magnitude, gradient)]
        for cut in masks.cuts(name):
            rows[0][cut] = exchange(rows[1][cut], rows[2][cut], rows[3][cut], fraction)
        masks.put(name, kept)
    masks.apply()
