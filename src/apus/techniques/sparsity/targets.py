"""How the sparsity of a whole network is shared out among its layers."""

from collections.abc import Mapping

import torch
from torch import Tensor


def global_shares(scores: Mapping[str, Tensor], sizes: Mapping[str, Tensor], sparsity: float) -> dict[str, float]:
    """What each layer loses when all blocks of all layers are ranked together.

    Args:
        scores: layer → its blocks' scores, any shape; the best block of each layer always stays, so none falls silent.
        sizes: layer → weights in each of these blocks.
        sparsity: share of all weights to drop, 0..1; never exceeded.

    Returns:
        Layer → share of its blocks to drop, 0..1.

    >>> weak, strong = torch.tensor([1.0, 2.0]), torch.tensor([5.0, 6.0])
    >>> global_shares({"a": weak, "b": strong}, {"a": torch.ones(2), "b": torch.ones(2)}, 0.5)
    {'a': 0.5, 'b': 0.5}
    """
    flat = {name: values.flatten().clone() for name, values in scores.items()}
    for values in flat.values():
        values[values.argmax()] = torch.inf
    ranked, weights = torch.cat(list(flat.values())), torch.cat([sizes[name].flatten() for name in flat])
    order = ranked.argsort(stable=True)
    passed = weights.double()[order].cumsum(0) <= sparsity * weights.double().sum()
    dropped = torch.zeros(len(ranked), dtype=torch.bool, device=ranked.device)
    dropped[order] = passed & ranked[order].isfinite()
    pieces = torch.split(dropped, [len(values) for values in flat.values()])
    return {name: piece.double().mean().item() for name, piece in zip(flat, pieces, strict=True)}
