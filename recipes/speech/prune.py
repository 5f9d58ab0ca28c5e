"""Gradual pruning of a WaveGRU: each gate's recurrent matrix and the head, single weights or balanced 16x1 blocks.

Source: Kalchbrenner et al. 2018, arXiv:1802.08435, §4 (cubic schedule, gates apart, 16x1 blocks by mean magnitude).
"""

import torch
from torch import Tensor

from apus.models.wavegru import WaveGRU
from apus.techniques.sparsity.balance import keep_balanced
from apus.techniques.sparsity.blocks import block_scores, keep_largest, spread

EVERY = 200
HEAD_SPARSITY = 0.9
"""The head has few weights, and all the sound goes through it."""


class Pruned:
    """Masks of a network in training.

    Args:
        net: pruned in place.
        structure: `unstructured` or `16x1`.
        sparsity: of the recurrent matrix in the end, within (0, 1).
    """

    def __init__(self, net: WaveGRU, structure: str, sparsity: float) -> None:
        gates = net.gru.weight_hh_l0.chunk(3)
        self.parts = [(gate, sparsity) for gate in gates] + [(net.head.weight, HEAD_SPARSITY)]
        self.blocks = structure == "16x1"
        self.masks: list[Tensor] = []

    @torch.no_grad()
    def update(self, step: int, share: float) -> None:
        """After the optimiser's step: choose masks afresh every 200 steps, `share` of the way, and apply them."""
        if not self.masks or step % EVERY == 0:
            self.masks = [self._mask(weight, sparsity * share) for weight, sparsity in self.parts]
        for (weight, _), mask in zip(self.parts, self.masks, strict=True):
            weight.mul_(mask)

    def _mask(self, weight: Tensor, sparsity: float) -> Tensor:
        if not self.blocks:
            return keep_largest(weight.abs(), sparsity).to(weight.dtype)
        return spread(keep_balanced(block_scores(weight), sparsity), weight).to(weight.dtype)
