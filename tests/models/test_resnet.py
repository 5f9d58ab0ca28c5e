"""ResNet-18: its published size, and its shapes."""

import torch

from apus.models.resnet import BasicBlock, ResNet18


def test_it_has_the_published_number_of_parameters() -> None:
    assert sum(p.numel() for p in ResNet18().parameters()) == 11_689_512


def test_one_row_of_logits_for_each_image() -> None:
    assert ResNet18(in_channels=1, classes=7).eval()(torch.zeros(2, 1, 64, 96)).shape == (2, 7)


def test_a_shortcut_is_the_identity_only_where_shapes_stay() -> None:
    assert isinstance(BasicBlock(8, 8, 1).shortcut, torch.nn.Identity)
    assert BasicBlock(8, 16, 2).eval()(torch.zeros(1, 8, 10, 10)).shape == (1, 16, 5, 5)
