"""The demo's teacher: its size, its shapes, and what it refuses."""

import pytest
import torch

from apus.models.residual_cnn import ResidualCNN


@pytest.mark.parametrize(("channels", "classes", "side"), [(1, 10, 28), (3, 5, 32), (1, 10, 9)])
def test_one_row_of_logits_for_each_image(channels: int, classes: int, side: int) -> None:
    model = ResidualCNN(in_channels=channels, classes=classes).eval()
    assert model(torch.zeros(2, channels, side, side)).shape == (2, classes)


def test_the_demo_teacher_stays_below_its_bar_of_parameters() -> None:
    assert sum(p.numel() for p in ResidualCNN(widths=(32, 64, 160)).parameters()) <= 1_500_000


def test_every_parameter_learns() -> None:
    model = ResidualCNN()
    model(torch.rand(4, 1, 28, 28)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
