"""Run a network over a split and say how good it is."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from apus.data import Batches

Loss = Callable[[Tensor, Tensor], Tensor]
"""Outputs and targets of a batch → a scalar, the mean over the batch."""


@dataclass(frozen=True)
class Score:
    """How a network does on a split; `accuracy_pct` is None where targets are not classes."""

    loss: float
    accuracy_pct: float | None


@torch.no_grad()
def outputs(model: nn.Module, batches: Batches) -> tuple[Tensor, Tensor]:
    """All outputs of a network over a split.

    Args:
        model: on any device; is put into evaluation mode and back.
        batches: in a fixed order.

    Returns:
        Outputs (N, ...) and targets (N, ...), on the CPU.
    """
    training = model.training
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    model.eval()
    pairs = [(model(x.to(device)).float().cpu(), y) for x, y in batches.epoch(0)]
    model.train(training)
    return torch.cat([z for z, _ in pairs]), torch.cat([y for _, y in pairs])


def score(z: Tensor, y: Tensor, loss: Loss) -> Score:
    """Judge outputs against targets.

    Args:
        z: outputs (N, ...).
        y: targets (N, ...); integers of shape (N,) beside outputs (N, classes) are classes.
        loss: of a batch.

    Returns:
        Mean loss, and accuracy in percent for classes.
    """
    classes = z.ndim == 2 and y.ndim == 1 and not y.is_floating_point()
    accuracy = 100 * (z.argmax(1) == y).double().mean().item() if classes else None
    return Score(float(loss(z, y)), accuracy)
