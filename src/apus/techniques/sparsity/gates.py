"""Gates of a recurrent layer, stacked in one matrix, each with a sparsity of its own.

Source: Kalchbrenner et al. 2018, arXiv:1802.08435, §3.1 (each gate's matrix is pruned by itself); Valin, Skoglund,
"LPCNet", 2019, arXiv:1810.11846, §3.3 (other densities for other gates).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from apus.techniques.sparsity.blocks import BLOCK, keep_largest


def check_gates(name: str, outputs: int, gates: Sequence[float], *, blocks: bool) -> None:
    """Refuse a layer whose rows are no stack of so many gates.

    Args:
        name: of the layer, for errors.
        outputs: its rows.
        gates: a relative sparsity each.
        blocks: whether whole blocks are pruned, which may not span two gates.

    Raises:
        ValueError: the rows cannot be shared out equally.
    """
    least = len(gates) * (BLOCK if blocks else 1)
    if not gates or outputs % least or not all(0 <= gate < math.inf for gate in gates):
        raise ValueError(
            f"{name}: {outputs} rows are no {len(gates)} gates of {BLOCK if blocks else 1}·n rows, finite and ≥ 0 each"
        )


def keep_by_gate(scores: Tensor, shares: Sequence[float]) -> Tensor:
    """Keep the largest scores of each gate.

    Args:
        scores: (groups, strips, columns) or of a weight's shape (M, ...); the first rows are those of the first gate.
        shares: of each gate, what to drop, 0..1.

    Returns:
        Bool, of the same shape.

    >>> keep_by_gate(torch.tensor([[4.0, 3.0], [2.0, 1.0]]), [0.0, 0.5]).tolist()
    [[True, True], [True, False]]
    """
    parts = scores.reshape(len(shares), -1)
    return torch.cat([keep_largest(part, share) for part, share in zip(parts, shares, strict=True)]).reshape(
        scores.shape
    )
