"""Training: one loop with four places for techniques, checkpoints that resume to the same bits."""

from apus.training.evaluate import Loss, Score, outputs, score
from apus.training.loop import LossTerm, Plugs, Stateful, Validation, cross_entropy, fit
from apus.training.options import TrainOptions, has_bf16, make_optimizer
from apus.training.stop import Stopped

__all__ = [
    "Loss",
    "LossTerm",
    "Plugs",
    "Score",
    "Stateful",
    "Stopped",
    "TrainOptions",
    "Validation",
    "cross_entropy",
    "fit",
    "has_bf16",
    "make_optimizer",
    "outputs",
    "score",
]
