"""Knowledge distillation: a small network learns from a large one, from its outputs or from what happens inside.

`logits` softens, `hinton` has soft targets, `dkd` and `dist` their modern heirs, `tinybert` the losses on hidden
states, embeddings and attention, `taps` reaches these, `layer_map` pairs layers and starts a student from its teacher,
`teacher` answers, alone or as the mean of several, `cache` keeps answers on disk, and `states` what goes on inside.
"""

from apus.techniques.distill.cache import cached_outputs, digest
from apus.techniques.distill.dist import dist_loss, pearson_distance
from apus.techniques.distill.dkd import decouple, dkd_loss
from apus.techniques.distill.hinton import distil_loss, logits_mse, soft_targets
from apus.techniques.distill.layer_map import initialise, map_layers, spaced
from apus.techniques.distill.states import KeptStates
from apus.techniques.distill.taps import Taps, matching
from apus.techniques.distill.teacher import MeanLogits, Teacher
from apus.techniques.distill.tinybert import HiddenLoss, attention_mse, hidden_cosine

__all__ = [
    "HiddenLoss",
    "KeptStates",
    "MeanLogits",
    "Taps",
    "Teacher",
    "attention_mse",
    "cached_outputs",
    "decouple",
    "digest",
    "dist_loss",
    "distil_loss",
    "dkd_loss",
    "hidden_cosine",
    "initialise",
    "logits_mse",
    "map_layers",
    "matching",
    "pearson_distance",
    "soft_targets",
    "spaced",
]
