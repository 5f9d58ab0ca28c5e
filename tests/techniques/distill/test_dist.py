import numpy as np
import pytest
import torch

from apus.techniques import distill


def test_distance_is_one_minus_the_correlation():
    a, b = torch.rand(5, 9), torch.rand(5, 9)
    wanted = [1 - np.corrcoef(x, y)[0, 1] for x, y in zip(a.numpy(), b.numpy(), strict=True)]
    assert distill.pearson_distance(a, b).tolist() == pytest.approx(wanted, abs=1e-5)


def test_affine_changes_are_free_and_a_flip_costs_two():
    a, b = torch.rand(5, 9), torch.rand(5, 9)
    assert torch.allclose(distill.pearson_distance(a, 4 * b + 7), distill.pearson_distance(a, b), atol=1e-5)
    assert torch.allclose(distill.pearson_distance(a, -3 * a + 1), torch.full((5,), 2.0), atol=1e-5)


def test_the_loss_is_both_relations():
    student, teacher = torch.randn(6, 4), torch.randn(6, 4)
    q, p = (student / 2).softmax(-1), (teacher / 2).softmax(-1)
    inter, intra = distill.pearson_distance(q, p).mean(), distill.pearson_distance(q.T, p.T).mean()
    loss = distill.dist_loss(student, teacher, between=2.0, within=0.5, temperature=2.0)
    assert torch.allclose(loss, 4 * (2 * inter + 0.5 * intra))
    assert distill.dist_loss(teacher, teacher).item() == pytest.approx(0, abs=1e-5)


def test_a_shift_of_logits_is_free():
    student, teacher = torch.randn(6, 4), torch.randn(6, 4)
    moved = student + torch.randn(6, 1)
    assert torch.allclose(distill.dist_loss(moved, teacher), distill.dist_loss(student, teacher), atol=1e-5)


def test_constant_outputs_are_finite():
    student = torch.zeros(4, 3, requires_grad=True)
    distill.dist_loss(student, torch.randn(4, 3)).backward()
    assert student.grad.isfinite().all()
