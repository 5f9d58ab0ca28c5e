"""ResNet-18 for images of about 224x224.

Source: He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, Table 1 (18-layer) and
§3.3, option B for the shortcuts.
"""

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)


class ResNet18(nn.Module):
    """A 7x7 stem and four stages of two basic blocks; weights are random until they are loaded.

    Args:
        in_channels: C of the images.
        classes: outputs.

    >>> model = ResNet18().eval()
    >>> model(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 1000])
    >>> sum(p.numel() for p in model.parameters())
    11689512
    """

    def __init__(self, in_channels: int = 3, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv(in_channels, WIDTHS[0], 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))
        blocks, before = [], WIDTHS[0]
        for stage, width in enumerate(WIDTHS):
            blocks += [BasicBlock(before, width, 1 if stage == 0 else 2), BasicBlock(width, width, 1)]
            before = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of images.

        Args:
            x: (B, C, H, W), normalised; H and W at least 32.

        Returns:
            (B, classes).
        """
        features: Tensor = self.blocks(self.stem(x))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


class BasicBlock(nn.Module):
    """y = ReLU(shortcut(x) + F(x)), F two 3x3 convolutions; the shortcut is a 1x1 convolution where shapes change.

    Args:
        inputs: channels of x.
        outputs: channels of y.
        stride: of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*_conv(inputs, outputs, 3, stride), nn.ReLU(), *_conv(outputs, outputs, 3, 1))
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*_conv(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, inputs, H, W) to y (B, outputs, H / stride, W / stride)."""
        return torch.relu(self.shortcut(x) + self.branch(x))


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv, nn.BatchNorm2d(outputs)
