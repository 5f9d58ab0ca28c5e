"""Convolutions over time that look ahead no further than they say, so that speech can leave before its text ends."""

import torch.nn.functional as F
from torch import Tensor, nn


class Lookahead(nn.Conv1d):
    """A convolution of (N, T, C) whose output t sees inputs t - (kernel - 1 - ahead) to t + ahead.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: taps, 1 or more.
        ahead: of them that look ahead, 0 to kernel - 1.

    >>> import torch
    >>> Lookahead(2, 3, kernel=5, ahead=1)(torch.zeros(1, 7, 2)).shape
    torch.Size([1, 7, 3])
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, ahead: int) -> None:
        if not 0 <= ahead < kernel:
            raise ValueError(f"ahead={ahead} must be 0 to {kernel - 1}, with {kernel} taps")
        super().__init__(inputs, outputs, kernel)
        self.margins = (kernel - 1 - ahead, ahead)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, inputs) -> (N, T, outputs)."""
        return super().forward(F.pad(x.transpose(1, 2), self.margins)).transpose(1, 2)


class Residual(nn.Module):
    """x + convolution(relu(convolution(norm(x)))), (N, T, C); looks ahead twice what each convolution does.

    Args:
        channels: C.
        kernel: taps of each convolution.
        ahead: of them that look ahead.
    """

    def __init__(self, channels: int, kernel: int, ahead: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.first, self.second = (Lookahead(channels, channels, kernel, ahead) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, C) -> (N, T, C)."""
        found: Tensor = x + self.second(F.relu(self.first(self.norm(x))))
        return found
