import pytest
import torch
from torch import nn
from torch.nn import functional as F

from apus.techniques import distill

PINNED_LOSS = 5.693855285644531


def test_soft_targets_by_hand():
    student, teacher = torch.tensor([[0.0, 1.0, 3.0]]), torch.tensor([[2.0, 0.0, 1.0]])
    p, q = F.softmax(teacher / 2, -1), F.softmax(student / 2, -1)
    wanted = 4 * (p * (p / q).log()).sum()
    assert torch.allclose(distill.soft_targets(student, teacher, 2.0), wanted)


@pytest.mark.parametrize("temperature", [100.0, 1000.0])
def test_high_temperature_gradient_is_that_of_logits(temperature):
    """Eq. (4): T² · dC/dz = (z_s - z_t) / classes for T far above the zero-mean logits."""
    torch.manual_seed(0)
    student, teacher = torch.randn(4, 10), torch.randn(4, 10)
    student, teacher = (z - z.mean(1, keepdim=True) for z in (student, teacher))
    student.requires_grad_()
    distill.soft_targets(student, teacher, temperature).backward()
    wanted = (student.detach() - teacher) / 10 / 4  # mean over the batch of 4
    assert torch.allclose(student.grad, wanted, atol=3 / temperature / 40)


def test_gradient_keeps_its_scale_over_temperatures():
    torch.manual_seed(0)
    teacher = torch.randn(8, 10)
    sizes = []
    for temperature in (4.0, 40.0):
        student = torch.zeros(8, 10, requires_grad=True)
        distill.soft_targets(student, teacher, temperature).backward()
        sizes.append(student.grad.norm().item())
    assert 0.8 < sizes[0] / sizes[1] < 1.25


def test_weights_of_teacher_and_labels():
    assert distill.distil_loss(torch.tensor(2.0), torch.tensor(4.0), 0.25).item() == 2.5


def test_mse_is_mean_over_all():
    assert distill.logits_mse(torch.zeros(2, 3), torch.full((2, 3), 2.0)).item() == 4.0


def test_teacher_only_answers():
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.9))
    teacher = distill.Teacher(model.train())
    x = torch.rand(5, 3)
    assert torch.equal(teacher(x), teacher(x))
    assert not teacher(x).requires_grad
    assert distill.Teacher(model, bf16=True)(x).dtype == torch.float32


def test_pinned_bits_of_the_loss():
    """Recipes rely on weights that come out the same, bit for bit: the formula in this very order of operations."""
    teacher = (torch.arange(40.0).reshape(10, 4).T * 7 % 11 - 5).contiguous()
    student = (torch.arange(40.0).reshape(4, 10) * 3 % 7 - 3).requires_grad_()
    log_p, log_q = F.log_softmax(teacher / 4, -1), F.log_softmax(student / 4, -1)
    wanted = (1 - 0.9) * torch.tensor(1.5) + 0.9 * (4.0**2 * (log_p.exp() * (log_p - log_q)).sum(-1).mean())
    (gradient,) = torch.autograd.grad(wanted, student, retain_graph=True)
    loss = distill.distil_loss(torch.tensor(1.5), distill.soft_targets(student, teacher, 4.0), 0.9)
    loss.backward()
    assert torch.equal(loss, wanted)
    assert torch.equal(student.grad, gradient)
    assert loss.item() == pytest.approx(PINNED_LOSS, rel=1e-6)
