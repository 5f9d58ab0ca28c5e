"""Training: one loop with four places for techniques, checkpoints that resume to the same bits; any device."""

from typing import TYPE_CHECKING, Any

from apus import _torch as _torch
from apus.training.evaluate import Loss, Score, outputs, score
from apus.training.loop import fit, here
from apus.training.options import TrainOptions, gains_by_bf16, make_optimizer
from apus.training.plugs import LossTerm, Plugs, Stateful, Validation, cross_entropy
from apus.training.stop import Stopped

if TYPE_CHECKING:
    from apus.training.devices import Runtime

__all__ = [
    "Loss",
    "LossTerm",
    "Plugs",
    "Runtime",
    "Score",
    "Stateful",
    "Stopped",
    "TrainOptions",
    "Validation",
    "cross_entropy",
    "fit",
    "gains_by_bf16",
    "here",
    "make_optimizer",
    "outputs",
    "score",
]


def __getattr__(name: str) -> Any:
    if name != "Runtime":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from apus.training.devices import Runtime  # torch.distributed takes a second to import

    return Runtime
