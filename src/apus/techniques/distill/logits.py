"""Outputs that are compared: of one shape, softened without losing what is small, one row per example or place."""

import math

from torch import Tensor
from torch.nn import functional as F


def check_pair(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> None:
    """Refuse what would be broadcast, or softened by no temperature.

    Args:
        student: its outputs.
        teacher: its outputs.
        temperature: T.

    Raises:
        ValueError: the shapes differ, or the temperature is not above 0 and finite.
    """
    if student.shape != teacher.shape:
        raise ValueError(f"the student gives {tuple(student.shape)}, the teacher {tuple(teacher.shape)}")
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature {temperature!r} must be above 0 and finite")


def softened(z: Tensor, temperature: float) -> Tensor:
    """ln softmax(z / T) over the last dimension."""
    return F.log_softmax(z / temperature, -1)


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p ‖ q) over the last dimension, Σ p · (ln p - ln q); classes with p = 0 add nothing.

    Args:
        log_p: ln p, (..., classes).
        log_q: ln q, of the same shape.

    Returns:
        (...), ≥ 0 but for rounding, which shows where p and q agree to six digits.
    """
    return (log_p.exp() * (log_p - log_q).masked_fill(log_p == -math.inf, 0.0)).sum(-1)


def rows(z: Tensor, dim: int) -> Tensor:
    """(N, ..., classes, ...) with the classes at `dim` → (rows, classes).

    >>> import torch
    >>> rows(torch.zeros(2, 5, 3), 1).shape
    torch.Size([6, 5])
    """
    return z.movedim(dim, -1).flatten(0, -2)
