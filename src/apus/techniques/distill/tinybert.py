"""What happens inside: hidden states, embeddings and attention of a student are drawn to those of its teacher.

Source: Jiao et al., "TinyBERT: Distilling BERT for Natural Language Understanding", 2019, arXiv:1909.10351, §3.1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class HiddenLoss(nn.Module):
    """MSE(H_s · W, H_t): W is learnt with the student, and thrown away after.

    Of hidden states, or of embeddings (outputs, or whole tables): the formula is the same. Its parameters belong into
    the optimiser.

    Args:
        student: features of H_s.
        teacher: features of H_t; where both are equal W starts as the identity.
        dim: of the features: -1 in transformers, 1 in feature maps (N, C, H, W).

    Source: Eq. (8) and (9).

    >>> h = torch.rand(2, 5, 8)
    >>> HiddenLoss(8, 8)(h, h).item()
    0.0
    """

    def __init__(self, student: int, teacher: int, dim: int = -1) -> None:
        super().__init__()
        self.projection, self.dim = nn.Linear(student, teacher, bias=False), dim
        if student == teacher:
            nn.init.eye_(self.projection.weight)

    def forward(self, student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss.

        Args:
            student: H_s.
            teacher: H_t, of the same shape but for its features; gets no gradient.
            mask: bool, of the shape without features; only True counts, so that padding does not.

        Returns:
            Mean over what counts, ≥ 0.

        Raises:
            ValueError: the shapes do not fit.
        """
        projected, target = self.projection(student.movedim(self.dim, -1)), teacher.detach().movedim(self.dim, -1)
        if projected.shape != target.shape:
            raise ValueError(
                f"student {tuple(student.shape)} projects to {tuple(projected.shape)}, teacher has another"
                f" shape: {tuple(target.shape)} (features last)"
            )
        return F.mse_loss(projected, target) if mask is None else F.mse_loss(projected[mask], target[mask])


def attention_mse(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    """MSE of attention matrices, the mean over heads; the paper takes them before the softmax.

    Args:
        student: (N, heads, queries, keys).
        teacher: of the same shape; gets no gradient.
        mask: bool (N, keys) of real tokens in self-attention: pairs with padding do not count, whatever they hold.

    Returns:
        Mean over what counts, ≥ 0.

    Raises:
        ValueError: they are no attention maps, or the shapes differ; heads map one to one.

    Source: Eq. (7).

    >>> attention_mse(torch.zeros(1, 2, 3, 3), torch.full((1, 2, 3, 3), 2.0))
    tensor(4.)
    """
    if student.ndim != 4:
        raise ValueError(f"{tuple(student.shape)} is no attention map; (N, heads, queries, keys) is wanted")
    if student.shape != teacher.shape:
        raise ValueError(
            f"student's attention is {tuple(student.shape)}, teacher's {tuple(teacher.shape)}; heads map"
            " one to one: give the student as many, or take fewer of the teacher's"
        )
    if mask is None:
        return F.mse_loss(student, teacher.detach())
    pairs = (mask[:, None, :, None] & mask[:, None, None, :]).expand_as(student)
    return F.mse_loss(student[pairs], teacher.detach()[pairs])


def hidden_cosine(student: Tensor, teacher: Tensor, mask: Tensor | None = None, dim: int = -1) -> Tensor:
    """1 − cosine of hidden states of equal width, DistilBERT's third loss (Sanh et al. 2019, arXiv:1910.01108, §2).

    Args:
        student: (..., features, ...).
        teacher: of the same shape; gets no gradient.
        mask: bool, of the shape without features; only True counts.
        dim: of the features: -1 in transformers, 1 in feature maps (N, C, H, W).

    Returns:
        Mean over what counts, 0..2.

    Raises:
        ValueError: the shapes differ.
    """
    if student.shape != teacher.shape:
        raise ValueError(f"the student's states are {tuple(student.shape)}, the teacher's {tuple(teacher.shape)}")
    distance = 1 - torch.cosine_similarity(student, teacher.detach(), dim)
    return distance.mean() if mask is None else distance[mask].mean()
