"""A plain chain of convolutions made to be pruned to 16x1 blocks, the demo's student.

Every width is a multiple of 16, so that blocks have no tails, and no layer branches, so that each convolution fuses
with its bias, ReLU and requantisation. It is wide on purpose: a wide network that keeps a fifth of its blocks is
more accurate than a dense one of the same cost (Kalchbrenner et al. 2018, arXiv:1802.08435, §3).
"""

from collections.abc import Sequence

from torch import Tensor, nn

BLOCK = 16


class SparseCNN(nn.Module):
    """A 5x5 stem, 3x3 convolutions that halve the image twice, each with BatchNorm and ReLU; pooling; a linear head.

    Args:
        in_channels: C of the images; 1 is gray.
        classes: outputs.
        widths: outputs of each convolution, the stem first; multiples of 16.
        strides: of each convolution.

    Raises:
        ValueError: a width is not a multiple of 16, or there is not one stride per width.

    >>> import torch
    >>> model = SparseCNN().eval()
    >>> model(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    >>> sum(p.numel() for p in model.parameters())
    390122
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 10,
        widths: Sequence[int] = (32, 64, 128, 128, 128),
        strides: Sequence[int] = (1, 2, 2, 1, 1),
    ) -> None:
        super().__init__()
        if not widths or len(widths) != len(strides) or any(width < BLOCK or width % BLOCK for width in widths):
            raise ValueError(
                f"widths={tuple(widths)}, strides={tuple(strides)}: one stride per width, widths multiples of {BLOCK}"
            )
        layers: list[nn.Module] = []
        before, kernel = in_channels, 5
        for width, stride in zip(widths, strides, strict=True):
            layers += [*_conv(before, width, kernel, stride), nn.ReLU()]
            before, kernel = width, 3
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(before, classes)

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


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv, nn.BatchNorm2d(outputs)
