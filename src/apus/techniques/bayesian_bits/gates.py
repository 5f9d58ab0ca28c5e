"""Stochastic gates that can be exactly 0 and exactly 1, and whose chance of being on has a gradient.

Source: Louizos et al., "Learning Sparse Neural Networks through L0 Regularization", 2018, arXiv:1712.01312
(Eq. numbers are its), as van Baalen et al. 2020, arXiv:2005.07093, §2 use it.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

TAU, GAMMA, ZETA = 2 / 3, -0.1, 1.1  # temperature, and the interval that (0, 1) is stretched to
THRESHOLD = 0.34  # a gate is on at test time if it is 0 less often than this (2005.07093, §2)
SHIFT = TAU * math.log(-GAMMA / ZETA)  # ≈ -1.6
TINY = 1e-6  # keeps ln u finite


def probability(phi: Tensor) -> Tensor:
    """Chance that a gate is not 0, q(z > 0) = σ(φ - τ ln(-γ / ζ)).

    Args:
        phi: location φ of each gate, any shape; ±∞ is a gate that has been decided.

    Returns:
        0..1, of the same shape.

    Source: Eq. (12).

    >>> probability(torch.tensor([-6.0, 0.0, 6.0]))
    tensor([0.0121, 0.8318, 0.9995])
    """
    return torch.sigmoid(phi - SHIFT)


def sample(phi: Tensor) -> Tensor:
    """Draw gates, z = clamp(σ((ln u - ln(1 - u) + φ) / τ) · (ζ - γ) + γ, 0, 1), u uniform.

    Args:
        phi: location of each gate, any shape.

    Returns:
        0..1, of the same shape; the gradient of φ passes wherever 0 < z < 1.

    Source: Eq. (10) and (11).
    """
    drawn = torch.rand(phi.shape, dtype=phi.dtype, device="cpu")  # by the host: the same gates on every device
    u = drawn.to(phi.device, non_blocking=True).clamp(TINY, 1 - TINY)
    s = torch.sigmoid((torch.log(u) - torch.log1p(-u) + phi) / TAU)
    return (s * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


def decided(phi: Tensor) -> Tensor:
    """The gates of test time: on if and only if P(z = 0) < 0.34, which is φ > -0.935.

    Args:
        phi: location of each gate, any shape.

    Returns:
        Bool, of the same shape.

    Source: 2005.07093, §2.

    >>> decided(torch.tensor([-0.94, -0.93]))
    tensor([False,  True])
    """
    return 1 - probability(phi) < THRESHOLD


class Gates(nn.Module):
    """A row of gates: drawn anew in training, decided in evaluation.

    Args:
        start: first φ of each gate; ±∞ is always on or always off.
        learn: whether φ is a parameter that moves.

    Attributes:
        phi: (n,).
    """

    phi: nn.Parameter

    def __init__(self, start: Tensor, learn: bool = True) -> None:
        super().__init__()
        self.phi = nn.Parameter(start.clone(), requires_grad=learn)

    def forward(self) -> Tensor:
        """The gates' values (n,) in 0..1."""
        return sample(self.phi) if self.training else decided(self.phi).to(self.phi.dtype)

    def frozen(self) -> bool:
        """Whether every gate is decided for good."""
        return bool(self.phi.isinf().all())

    @torch.no_grad()
    def freeze(self) -> None:
        """Decide every gate for good; the decision lies in φ itself, so a checkpoint holds it."""
        self.phi.copy_(torch.where(decided(self.phi), math.inf, -math.inf))
        self._stand()

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        if self.frozen():
            self._stand()

    def _stand(self) -> None:
        """No optimiser moves what was decided: ∞ less its decay is no number."""
        self.phi.requires_grad_(False)
        self.phi.grad = None
