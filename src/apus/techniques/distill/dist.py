"""DIST: the student need not match the teacher's outputs, only rank and space them alike.

Source: Huang et al., "Knowledge Distillation from A Stronger Teacher", 2022, arXiv:2205.10536.
"""

import torch
from torch import Tensor

from apus.techniques.distill.logits import check_pair


def pearson_distance(a: Tensor, b: Tensor, eps: float = 1e-8) -> Tensor:
    """1 − Pearson's correlation along the last dimension; a · x + b with a > 0 in place of x changes nothing.

    Args:
        a: (..., n).
        b: (..., n).
        eps: keeps constant rows finite.

    Returns:
        (...), 0..2.

    >>> x = torch.tensor([1.0, 2.0, 4.0])
    >>> round(abs(float(pearson_distance(x, 3 * x + 5))), 5)
    0.0
    """
    return 1 - torch.cosine_similarity(a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True), -1, eps)


def dist_loss(
    student: Tensor, teacher: Tensor, *, between: float = 1.0, within: float = 1.0, temperature: float = 1.0
) -> Tensor:
    """Pearson distance of softened outputs, of each example over its classes and of each class over the batch.

    The gradient grows as the student's outputs come near a constant: start no head from zeros, or clip.

    Args:
        student: logits z_s, (N, classes); N ≥ 2 for the second part to mean anything.
        teacher: logits z_t, (N, classes).
        between: weight β of the relation between classes.
        within: weight γ of the relation within a class.
        temperature: T > 0.

    Returns:
        T² · (β · mean over examples + γ · mean over classes), ≥ 0.

    Raises:
        ValueError: the shapes differ, are not (N, classes), or T is not above 0.

    Source: §3.2, inter-class and intra-class relation; T² as in the authors' code.
    """
    check_pair(student, teacher, temperature)
    if student.ndim != 2:
        raise ValueError(f"logits {tuple(student.shape)}: DIST takes (N, classes)")
    p, q = (teacher / temperature).softmax(-1), (student / temperature).softmax(-1)
    inter, intra = pearson_distance(q, p).mean(), pearson_distance(q.T, p.T).mean()
    return temperature**2 * (between * inter + within * intra)
