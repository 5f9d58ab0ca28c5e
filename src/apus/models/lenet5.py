"""LeNet-5 as the literature on bit widths has it: 32C5-MP2-64C5-MP2-512FC-10.

Source: van Baalen et al. 2020, arXiv:2005.07093, §4.1; after LeCun et al., "Gradient-Based Learning Applied to Document
Recognition", 1998.
"""

from torch import Tensor, nn


class LeNet5(nn.Module):
    """Two 5x5 convolutions without padding, each pooled by 2, and two linear layers.

    Args:
        classes: outputs.

    >>> import torch
    >>> LeNet5()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        first = [nn.Conv2d(1, 32, 5), nn.ReLU(), nn.MaxPool2d(2)]
        second = [nn.Conv2d(32, 64, 5), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(64 * 4 * 4, 512), nn.ReLU())
        self.head = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of gray images (B, 1, 28, 28)."""
        logits: Tensor = self.head(self.features(x))
        return logits
