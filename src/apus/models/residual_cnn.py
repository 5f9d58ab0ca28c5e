"""A residual network for small images, the demo's teacher.

Source: He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, §3.2, Eq. (1).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class ResidualCNN(nn.Module):
    """A stem at full size, then stages that each halve the image and go on with residual blocks.

    Args:
        in_channels: C of the images; 1 is gray.
        classes: outputs.
        widths: channels of the stem, then of each stage.
        blocks: residual blocks per stage.

    Raises:
        ValueError: no stage, or a negative number of blocks.

    >>> model = ResidualCNN().eval()
    >>> model(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    >>> sum(p.numel() for p in model.parameters())
    463594
    """

    def __init__(
        self, in_channels: int = 1, classes: int = 10, widths: Sequence[int] = (32, 64, 128), blocks: int = 1
    ) -> None:
        super().__init__()
        if len(widths) < 2 or blocks < 0:
            raise ValueError(f"widths={tuple(widths)}, blocks={blocks}: a stem and a stage at least, blocks ≥ 0")
        layers: list[nn.Module] = [*_conv(in_channels, widths[0]), nn.ReLU()]
        for before, width in pairwise(widths):
            layers += [*_conv(before, width, stride=2), nn.ReLU()]
            layers += [Residual(width) for _ in range(blocks)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of images.

        Args:
            x: (B, C, H, W), pixels in 0..1; any size.

        Returns:
            (B, classes).
        """
        pooled: Tensor = self.features(x).mean((2, 3))
        logits: Tensor = self.head(pooled)
        return logits


class Residual(nn.Module):
    """y = ReLU(x + F(x)), F two 3x3 convolutions.

    Args:
        width: channels in and out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*_conv(width, width), nn.ReLU(), *_conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Images of features, x and y (B, width, H, W)."""
        return torch.relu(x + self.branch(x))


def _conv(inputs: int, outputs: int, stride: int = 1) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv, nn.BatchNorm2d(outputs)
