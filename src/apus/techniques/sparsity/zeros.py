"""Zeros that are already there: counted, and held."""

import math
from collections.abc import Callable

import torch
from torch import nn

from apus.techniques.sparsity.prunable import prunable


def parameters_alive(model: nn.Module) -> tuple[int, int]:
    """Count the non-zero and all weights and biases of a network."""
    alive = sum(int(torch.count_nonzero(p)) for p in model.parameters())
    return alive, sum(math.prod(p.shape) for p in model.parameters())


def hold_zeros(model: nn.Module) -> Callable[[], None]:
    """Remember which weights are zero now, so that later training cannot revive them.

    Args:
        model: sparse already; a layer without zeros is left alone.

    Returns:
        Puts the zeros back; call it after each optimiser step.
    """
    layers = prunable(model).values()
    held = [(layer, layer.weight.detach() != 0) for layer in layers if bool((layer.weight == 0).any())]

    @torch.no_grad()
    def put_back() -> None:
        for layer, alive in held:
            layer.weight.mul_(alive)

    return put_back
