"""Equal work for every core: the strips of a layer are cut into contiguous partitions with as many living blocks each.

A layer that is balanced over 8 partitions is so over 4 and 2, whose bounds are among those of the 8.
"""

from itertools import pairwise

import torch
from torch import Tensor

from apus.techniques.sparsity.blocks import check_share, count_kept, keep_top

PARTITIONS = (2, 4, 8)


def partitions(strips: int, count: int) -> list[slice]:
    """Cut strips into contiguous ranges, strip i into range ⌊i · count / strips⌋.

    Args:
        strips: of all groups of a layer, one after the other.
        count: of ranges, 1..strips.

    Returns:
        The ranges.

    >>> [(cut.start, cut.stop) for cut in partitions(6, 4)]
    [(0, 2), (2, 3), (3, 5), (5, 6)]
    """
    bounds = [-(-p * strips // count) for p in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(bounds)]


def finest(strips: int) -> int:
    """The largest number of partitions that a layer of so many strips can be balanced over: 8, 4, 2 or 1."""
    return max(p for p in (1, *PARTITIONS) if p <= strips)


def quotas(capacities: list[int], total: int) -> list[int]:
    """Share `total` blocks out equally, to none more than it has.

    Args:
        capacities: blocks of each partition.
        total: blocks to keep, 0..sum.

    Returns:
        min(capacity, q) of each, for the smallest q whose sum reaches `total`: fewer than one block a partition above.

    >>> quotas([4, 4, 8], 10), quotas([4, 4, 8], 14)
    ([4, 4, 4], [4, 4, 6])
    """
    low, high = 0, max(capacities)
    while low < high:
        q = (low + high) // 2
        low, high = (low, q) if sum(min(c, q) for c in capacities) >= total else (q + 1, high)
    return [min(c, low) for c in capacities]


def keep_balanced(scores: Tensor, sparsity: float, sizes: Tensor | None = None) -> Tensor:
    """Keep the largest scores of each partition, equally many in all.

    Args:
        scores: (groups, strips, columns), n of them.
        sparsity: share to drop, 0..1; at most one block per partition more is kept than `keep_largest` would keep.
        sizes: weights of each block, of the same shape; None: as many each.

    Returns:
        Bool, of the same shape.

    >>> keep_balanced(torch.tensor([[[4.0, 3.0], [2.0, 1.0]]]), 0.5).tolist()
    [[[True, False], [True, False]]]
    """
    flat = scores.reshape(-1, scores.shape[2])
    cuts = partitions(len(flat), finest(len(flat)))
    total = count_kept(scores, check_share(sparsity), sizes)
    counts = quotas([flat[cut].numel() for cut in cuts], total)
    kept = [keep_top(flat[cut], count) for cut, count in zip(cuts, counts, strict=True)]
    return torch.cat(kept).reshape(scores.shape)


def imbalance(alive: Tensor, count: int) -> float:
    """How much longer the fullest partition works than the average one: max / mean − 1 of living blocks.

    Args:
        alive: bool (groups, strips, columns).
        count: of partitions, 1..groups · strips.

    Returns:
        ≥ 0; 0 is perfect, and that of a layer without living blocks.

    >>> round(imbalance(torch.tensor([[[True, True], [True, False]]]), 2), 3)
    0.333
    """
    flat = alive.reshape(-1, alive.shape[2])
    counts = [int(flat[cut].sum()) for cut in partitions(len(flat), count)]
    return max(counts) * count / sum(counts) - 1 if any(counts) else 0.0
