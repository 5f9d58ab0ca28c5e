import torch
from torch import nn

from apus.models.vgg7 import VGG7


def test_shape_and_widths():
    model = VGG7(classes=7).eval()
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [128, 128, 256, 256, 512, 512]
    assert model.head.in_features == 1024
