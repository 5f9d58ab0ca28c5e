"""Exponential moving average of a network's weights."""

import copy

import torch
from torch import nn

_STATISTICS = ("running_mean", "running_var")  # the buffers that are averages themselves; others belong together


class Average:
    """A second copy of a network that follows it slowly, avg ← d · avg + (1 - d) · w.

    Args:
        model: the network to follow.
        decay: d, 0..1.

    Source: Polyak, Juditsky 1992, in its exponential form; the decay rises as (1 + t) / (10 + t), as TensorFlow has it.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = copy.deepcopy(model).eval().requires_grad_(False), decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow one optimiser step.

        Args:
            model: after the step.
            step: steps done before it.
        """
        decay = min(self.decay, (1 + step) / (10 + step))
        for weight, trained in zip(self.model.parameters(), model.parameters(), strict=True):
            weight.lerp_(trained, 1 - decay)
        for (name, buffer), new in zip(self.model.named_buffers(), model.buffers(), strict=True):
            if name.rpartition(".")[2] in _STATISTICS:
                buffer.lerp_(new, 1 - decay)
            else:
                buffer.copy_(new)
