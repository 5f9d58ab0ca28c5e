import pytest
import torch
from torch import nn

from apus.models.mobile_cnn import MobileCNN


def test_every_convolution_but_the_first_is_separable():
    convolutions = [m for m in MobileCNN(in_channels=3).modules() if isinstance(m, nn.Conv2d)]
    for depthwise, pointwise in zip(convolutions[1::2], convolutions[2::2], strict=True):
        assert depthwise.groups == depthwise.in_channels
        assert pointwise.kernel_size == (1, 1)


@pytest.mark.parametrize("width", [0.25, 0.5, 1.0, 1.5])
def test_any_width_and_size(width):
    model = MobileCNN(width=width).eval()
    assert model(torch.zeros(1, 1, 17, 23)).shape == (1, 10)
    assert all(m.out_channels % 16 == 0 for m in model.modules() if isinstance(m, nn.Conv2d))


def test_it_trains():
    torch.manual_seed(0)
    model, x, y = MobileCNN(widths=(16, 32), strides=(2, 2)), torch.rand(32, 1, 12, 12), torch.arange(32) % 10
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_a_stride_for_each_width():
    with pytest.raises(ValueError, match="one stride per width"):
        MobileCNN(widths=(16, 32), strides=(1,))
