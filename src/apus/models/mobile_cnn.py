"""A network in the mobile style, for small images: each convolution is a depthwise one and a pointwise one.

Source: Howard et al., "MobileNets", 2017, arXiv:1704.04861, §3.1 and Table 1.
"""

from collections.abc import Sequence

from torch import Tensor, nn


class MobileCNN(nn.Module):
    """A 3x3 stem, then depthwise separable convolutions, each with BatchNorm and ReLU; pooling; a linear head.

    Args:
        in_channels: C of the images; 1 is gray.
        classes: outputs.
        widths: channels of the stem, then of each separable convolution.
        strides: of the stem and of each separable convolution.
        width: factor on all widths, each rounded to a multiple of 16, the height of a sparse block.

    Raises:
        ValueError: there is not one stride per width, or no width.

    >>> import torch
    >>> model = MobileCNN().eval()
    >>> model(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    >>> sum(p.numel() for p in model.parameters())
    58378
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 10,
        widths: Sequence[int] = (32, 64, 128, 128, 192),
        strides: Sequence[int] = (1, 2, 1, 2, 1),
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if not widths or len(widths) != len(strides):
            raise ValueError(f"widths={tuple(widths)}, strides={tuple(strides)}: one stride per width, one at least")
        sizes = [max(16, 16 * round(width * each / 16)) for each in widths]
        layers: list[nn.Module] = _conv(in_channels, sizes[0], 3, strides[0])
        for before, after, stride in zip(sizes, sizes[1:], strides[1:], strict=False):
            layers += _conv(before, before, 3, stride, groups=before)
            layers += _conv(before, after, 1)
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], classes)

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


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out" if groups == 1 else "fan_in", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]
