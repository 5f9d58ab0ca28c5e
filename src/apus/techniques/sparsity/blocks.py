"""Blocks of 16 consecutive outputs by one input column, or by four: their scores, and masks made of them.

Source: Kalchbrenner et al. 2018, arXiv:1802.08435, §3.2.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 16


def block_sizes(weight: Tensor, groups: int = 1, width: int = 1) -> Tensor:
    """Weights in each block: 16 · width, fewer in the last strip of a group and in the last block of a strip.

    Args:
        weight: (M, ...), K = product of the other dimensions.
        groups: of the convolution.
        width: columns of a block.

    Returns:
        Float (⌈M / groups / 16⌉, ⌈K / width⌉), the same in every group.

    >>> block_sizes(torch.zeros(20, 6), width=4).tolist()
    [[64.0, 32.0], [16.0, 8.0]]
    """
    M, K = weight.shape[0] // groups, weight[0].numel()
    heights, widths = weight.new_full((-(-M // BLOCK),), BLOCK), weight.new_full((-(-K // width),), width)
    heights[-1], widths[-1] = M - BLOCK * (len(heights) - 1), K - width * (len(widths) - 1)
    return heights[:, None] * widths


def block_scores(weight: Tensor, groups: int = 1, width: int = 1) -> Tensor:
    """Mean |w| of each block of 16 outputs by `width` columns.

    Args:
        weight: (M, ...), K = product of the other dimensions; the columns of a convolution are (channel, tap).
        groups: of the convolution; a block never spans two.
        width: columns of a block, 1 or 4.

    Returns:
        (groups, ⌈M / groups / 16⌉, ⌈K / width⌉); smaller blocks at the ends average over the weights they have.

    Source: 1802.08435 §3.2.
    """
    rows = weight.detach().abs().reshape(groups, weight.shape[0] // groups, -1)
    M, K = rows.shape[1:]
    sums = F.pad(rows, (0, 0, 0, -M % BLOCK)).reshape(groups, -1, BLOCK, K).sum(2)
    if width > 1:
        sums = F.pad(sums, (0, -K % width)).reshape(groups, sums.shape[1], -1, width).sum(3)
    scores: Tensor = sums / block_sizes(weight, groups, width)
    return scores


def spread(kept: Tensor, weight: Tensor, width: int = 1) -> Tensor:
    """Spread a decision per block over the block's weights.

    Args:
        kept: bool (groups, strips, columns), as `block_scores`.
        weight: (M, ...).
        width: columns of a block.

    Returns:
        Bool mask of the weight's shape.
    """
    rows = kept.repeat_interleave(BLOCK, 1)[:, : weight.shape[0] // kept.shape[0]]
    if width > 1:
        rows = rows.repeat_interleave(width, 2)[:, :, : weight[0].numel()]
    return rows.reshape(weight.shape)


def keep_top(scores: Tensor, count: int) -> Tensor:
    """Keep the `count` largest scores; the lower index wins a tie.

    Args:
        scores: any shape.
        count: 0..n.

    Returns:
        Bool, of the same shape.
    """
    keep = torch.zeros(scores.numel(), dtype=torch.bool, device=scores.device)
    keep[torch.argsort(scores.flatten(), descending=True, stable=True)[:count]] = True
    return keep.reshape(scores.shape)


def keep_largest(scores: Tensor, sparsity: float, sizes: Tensor | None = None) -> Tensor:
    """Keep the largest scores, so that as near to a share of the weights as can be is dropped; ties keep lower indices.

    Args:
        scores: any shape, n of them.
        sparsity: share to drop, 0..1; below 1 the largest score always stays, so that no layer falls silent.
        sizes: weights that each score stands for, of the same shape; None: as many each.

    Returns:
        Bool, of the same shape.

    Raises:
        ValueError: the share is out of its range.

    >>> keep_largest(torch.tensor([3.0, 1.0, 2.0, 4.0]), 0.5).tolist()
    [True, False, False, True]
    """
    return keep_top(scores, count_kept(scores, check_share(sparsity), sizes))


def count_kept(scores: Tensor, sparsity: float, sizes: Tensor | None = None) -> int:
    """How many of the largest scores stay; arguments as of `keep_largest`."""
    n = scores.numel()
    dropped = round(sparsity * n)
    if sizes is not None and bool((sizes != sizes.flatten()[0]).any()):
        rising = sizes.flatten()[scores.flatten().argsort(descending=True, stable=True).flip(0)].double()
        dropped = int((rising.cumsum(0) - rising / 2 <= sparsity * rising.sum()).sum())
    return n - dropped if sparsity == 1 else max(n - dropped, min(n, 1))


def check_share(value: float, name: str = "sparsity") -> float:
    """A share as it is given.

    Args:
        value: what should be one.
        name: what errors call it.

    Returns:
        The value.

    Raises:
        ValueError: it is below 0, above 1 or not a number.
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name} {value!r} must lie in 0..1")
    return value
