"""Knowledge distillation: a small network learns from a large one's outputs.

Source: Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, arXiv:1503.02531.
"""

from torch import Tensor
from torch.nn import functional as F

from apus.techniques.distill.logits import check_pair, divergence, softened


def soft_targets(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Divergence of the softened outputs, T² · KL(softmax(z_t / T) ‖ softmax(z_s / T)).

    The gradients of softened outputs fall as 1 / T², so T² keeps their weight against the hard loss when T changes.

    Args:
        student: logits z_s, (..., classes).
        teacher: logits z_t, of the same shape.
        temperature: T > 0, some tens at most: far above, float32 cannot tell softened outputs apart (`logits_mse` can).

    Returns:
        Mean over the batch, ≥ 0, in nats.

    Raises:
        ValueError: the shapes differ, or T is not above 0.

    Source: Eq. (1) softens, §2 gives T²; KL differs from its cross entropy by the teacher's entropy, a constant.

    >>> import torch
    >>> z = torch.tensor([[1.0, 2.0]])
    >>> float(soft_targets(z, z, 4.0))
    0.0
    """
    check_pair(student, teacher, temperature)
    return temperature**2 * divergence(softened(teacher, temperature), softened(student, temperature)).mean()


def logits_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of logits, twice what soft targets become for T → ∞ and zero-mean logits.

    Args:
        student: logits z_s, (N, ...).
        teacher: logits z_t, of the same shape.

    Returns:
        Mean over batch and outputs, ≥ 0.

    Raises:
        ValueError: the shapes differ.

    Source: §2.1, Eq. (4).
    """
    check_pair(student, teacher)
    return F.mse_loss(student, teacher)


def distil_loss(hard: Tensor, soft: Tensor, alpha: float) -> Tensor:
    """Weigh labels against teacher: (1 - α) · hard + α · soft.

    Args:
        hard: loss against the labels.
        soft: loss against the teacher.
        alpha: share of the teacher, 0..1.

    Returns:
        The training loss.

    Source: §2, "a weighted average of two different objective functions".
    """
    return (1 - alpha) * hard + alpha * soft
