import pytest
import torch
from torch.nn import functional as F

from apus.techniques import distill


def logits():
    generator = torch.Generator().manual_seed(0)
    student, teacher = (3 * torch.randn(16, 10, generator=generator) for _ in range(2))
    return student, teacher, torch.arange(16) % 10


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_parts_add_up_to_plain_distillation(temperature):
    """Eq. (6): KD = TCKD + (1 - p_target) · NCKD, for each example."""
    student, teacher, target = logits()
    p, q = F.softmax(teacher / temperature, -1), F.softmax(student / temperature, -1)
    whole = (p * (p / q).log()).sum(-1)
    target_part, other_part = distill.decouple(student, teacher, target, temperature)
    p_target = p.gather(1, target[:, None])[:, 0]
    assert torch.allclose(target_part + (1 - p_target) * other_part, whole, atol=1e-5)
    assert (target_part >= -1e-6).all()
    assert (other_part >= -1e-6).all()


def test_with_the_weights_of_plain_distillation_it_is_plain_distillation():
    """All examples with the same p_target: α = 1, β = 1 - p_target gives soft targets back, T² included."""
    student, teacher, target = logits()
    rest = teacher.scatter(1, target[:, None], -torch.inf).logsumexp(-1)
    teacher = teacher.scatter(1, target[:, None], rest[:, None])  # p_target = 1/2 at T = 1
    loss = distill.dkd_loss(student, teacher, target, alpha=1, beta=0.5, temperature=1.0)
    assert torch.allclose(loss, distill.soft_targets(student, teacher, 1.0), atol=1e-5)


def test_other_part_does_not_know_the_target():
    student, teacher, target = logits()
    louder = student + 5 * F.one_hot(target, 10)
    parts, other = (distill.decouple(z, teacher, target, 4.0) for z in (student, louder))
    assert torch.allclose(parts[1], other[1], atol=1e-5)
    assert not torch.allclose(parts[0], other[0], atol=1e-3)


def test_gradient_keeps_its_scale_over_temperatures():
    sizes = []
    for temperature in (8.0, 80.0):
        student, teacher, target = logits()
        student.requires_grad_()
        distill.dkd_loss(student, teacher, target, temperature=temperature).backward()
        sizes.append(student.grad.norm().item())
    assert 0.7 < sizes[0] / sizes[1] < 1.4


def test_weights_scale_their_parts():
    student, teacher, target = logits()
    target_part, other_part = distill.decouple(student, teacher, target, 2.0)
    loss = distill.dkd_loss(student, teacher, target, alpha=0.5, beta=3.0, temperature=2.0)
    assert torch.allclose(loss, 4 * (0.5 * target_part + 3 * other_part).mean())
