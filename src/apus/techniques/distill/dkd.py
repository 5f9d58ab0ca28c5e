"""Decoupled knowledge distillation: how sure the teacher is, and what it knows of the other classes, weighed apart.

Source: Zhao et al., "Decoupled Knowledge Distillation", 2022, arXiv:2203.08679.
"""

import torch
from torch import Tensor

from apus.techniques.distill.logits import check_pair, divergence, softened


def decouple(student: Tensor, teacher: Tensor, target: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The two parts of KL(softmax(z_t / T) ‖ softmax(z_s / T)) = TCKD + (1 − p_target) · NCKD.

    Args:
        student: logits z_s, (N, classes).
        teacher: logits z_t, (N, classes).
        target: classes, integer (N,).
        temperature: T > 0.

    Returns:
        TCKD, of the binary "target or not", and NCKD, among the other classes, each (N,), ≥ 0, without T².

    Raises:
        ValueError: the shapes differ, there are fewer than two classes, or T is not above 0.

    Source: Eq. (3) to (6).
    """
    check_pair(student, teacher, temperature)
    if student.ndim != 2 or student.shape[1] < 2:
        raise ValueError(f"logits {tuple(student.shape)}: DKD takes (N, classes), two classes or more")
    log_p, log_q = softened(teacher, temperature), softened(student, temperature)
    others = torch.ones_like(log_p, dtype=torch.bool).scatter_(1, target[:, None], False)
    p_rest, q_rest = (_others(values, others) for values in (log_p, log_q))
    p_not, q_not = p_rest.logsumexp(-1), q_rest.logsumexp(-1)
    p_is, q_is = (values.gather(1, target[:, None])[:, 0] for values in (log_p, log_q))
    target_part = divergence(torch.stack([p_is, p_not], -1), torch.stack([q_is, q_not], -1))
    return target_part, divergence(p_rest - p_not[:, None], q_rest - q_not[:, None])


def _others(values: Tensor, others: Tensor) -> Tensor:
    return values[others].reshape(len(values), -1)


def dkd_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 8.0,
    temperature: float = 4.0,
) -> Tensor:
    """Decoupled distillation loss, T² · (α · TCKD + β · NCKD); it is added to the loss against the labels.

    Args:
        student: logits z_s, (N, classes).
        teacher: logits z_t, (N, classes).
        target: classes, integer (N,).
        alpha: weight of the target class.
        beta: weight of the others; the authors take 8 on CIFAR-100, 0.5 with T = 1 on ImageNet.
        temperature: T > 0.

    Returns:
        Mean over the batch, ≥ 0.

    Source: Eq. (7).

    >>> z = torch.tensor([[1.0, 2.0, 0.5]])
    >>> abs(float(dkd_loss(z, z, torch.tensor([1])))) < 1e-5
    True
    """
    target_part, other_part = decouple(student, teacher, target, temperature)
    return temperature**2 * (alpha * target_part + beta * other_part).mean()
