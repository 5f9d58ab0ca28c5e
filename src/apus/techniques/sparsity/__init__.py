"""Block sparsity: weights go in blocks of 16 outputs, by magnitude on a cubic schedule or by RigL's exchange.

Source: Kalchbrenner et al., "Efficient Neural Audio Synthesis", 2018, arXiv:1802.08435, §3 (schedule, block score);
Evci et al., "Rigging the Lottery", 2019, arXiv:1911.11134 (regrowth). `schedule` has the cubic, `blocks` the scores,
`balance` equal work per core, `targets` the shares of layers, `gates` those of stacked gates, `prunable` which
layers, `masks` what lives, `rigl` the exchange, `one_shot` pruning without training.
"""

from apus.techniques.sparsity.balance import PARTITIONS, imbalance, keep_balanced, partitions, quotas
from apus.techniques.sparsity.blocks import BLOCK, block_scores, block_sizes, keep_largest, keep_top, spread
from apus.techniques.sparsity.describe import describe, table
from apus.techniques.sparsity.gates import keep_by_gate
from apus.techniques.sparsity.masks import STRUCTURES, TARGETS, Masks, check_options
from apus.techniques.sparsity.one_shot import fitted_layers, one_shot
from apus.techniques.sparsity.prunable import PRUNABLE, prunable
from apus.techniques.sparsity.rigl import cosine, exchange, regrow
from apus.techniques.sparsity.schedule import cubic, gradually
from apus.techniques.sparsity.targets import global_shares
from apus.techniques.sparsity.zeros import hold_zeros, parameters_alive

__all__ = [
    "BLOCK",
    "PARTITIONS",
    "PRUNABLE",
    "STRUCTURES",
    "TARGETS",
    "Masks",
    "block_scores",
    "block_sizes",
    "check_options",
    "cosine",
    "cubic",
    "describe",
    "exchange",
    "fitted_layers",
    "global_shares",
    "gradually",
    "hold_zeros",
    "imbalance",
    "keep_balanced",
    "keep_by_gate",
    "keep_largest",
    "keep_top",
    "one_shot",
    "parameters_alive",
    "partitions",
    "prunable",
    "quotas",
    "regrow",
    "spread",
    "table",
]
