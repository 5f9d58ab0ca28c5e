import torch

from apus.models.lenet5 import LeNet5


def test_shape_and_size():
    model = LeNet5(classes=7)
    assert model(torch.zeros(3, 1, 28, 28)).shape == (3, 7)
    assert [tuple(p.shape) for p in model.parameters() if p.ndim > 1] == [
        (32, 1, 5, 5),
        (64, 32, 5, 5),
        (512, 1024),
        (7, 512),
    ]
