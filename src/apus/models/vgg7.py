"""VGG-7 as the literature on bit widths has it: 2x128C3-MP2-2x256C3-MP2-2x512C3-MP2-1024FC-10.

Source: van Baalen et al. 2020, arXiv:2005.07093, §4.1; Li, Liu, "Ternary Weight Networks", 2016, arXiv:1605.04711.
"""

from torch import Tensor, nn


class VGG7(nn.Module):
    """Six 3x3 convolutions with BatchNorm and ReLU, pooled by 2 after every second, and two linear layers.

    Args:
        classes: outputs.

    >>> import torch
    >>> VGG7().eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in ((3, 128), (128, 256), (256, 512)):
            layers += [*_conv(before, width), *_conv(width, width), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512 * 4 * 4, 1024), nn.ReLU())
        self.head = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of colour images (B, 3, 32, 32)."""
        logits: Tensor = self.head(self.features(x))
        return logits


def _conv(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
