"""Muon: momentum whose every update of a weight matrix is made orthogonal, so that all its directions move alike.

Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
https://kellerjordan.github.io/posts/muon.
Convolutions are matrices of (outputs, inputs · taps), as in its CIFAR-10 speed runs.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

_A, _B, _C = 3.4445, -4.7750, 2.0315  # of the source: the quintic with the steepest start that still settles near 1
ITERATIONS = 4


def orthogonalise(matrix: Tensor) -> Tensor:
    """The nearest half-orthogonal matrix, roughly: singular values become 0.7..1.2.

    Args:
        matrix: (M, K).

    Returns:
        (M, K), of the same dtype; computed in bfloat16, which is precise enough for a direction.

    Source: Newton-Schulz, X ← a·X + (b·A + c·A²)·X with A = X·Xᵀ, from X = G / ‖G‖.
    """
    x = (matrix / (matrix.norm() + 1e-7)).bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    upright: Tensor = (x.T if tall else x).to(matrix.dtype)
    return upright


class Muon(torch.optim.Optimizer):
    """Muon for the groups that say `orthogonal`, SGD with Nesterov momentum for the others.

    Args:
        groups: each with `params`, `lr`, `momentum`, `weight_decay` and `orthogonal`.
    """

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, rate, decay = self.state[parameter], group["lr"], group["weight_decay"]
        velocity = state.setdefault("velocity", torch.zeros_like(parameter))
        velocity.mul_(group["momentum"]).add_(gradient)
        update = gradient + group["momentum"] * velocity  # Nesterov
        if group["orthogonal"]:
            matrix = update.reshape(len(update), -1)
            tallness = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
            update = tallness * orthogonalise(matrix).reshape(update.shape)
            parameter.mul_(1 - rate * decay)
        else:
            update = update.add(parameter, alpha=decay)
        parameter.add_(update, alpha=-rate)


def split(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Part a network's trained parameters into Muon's and the others.

    Args:
        model: any network.

    Returns:
        Convolutions with more than one input channel; then stems, heads, biases and normalisations.
    """
    trained: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
    hidden = [p for p in trained if p.ndim >= 3 and p.shape[1] > 1]
    chosen = {id(p) for p in hidden}
    return hidden, [p for p in trained if id(p) not in chosen]
