"""The acoustic model: from phonemes and their prosody, the features of every frame, with a bounded look-ahead.

The third of the four parts of Facebook's system of 2020.
"""

import torch
from torch import Tensor, nn

from apus.models.causal import Residual
from apus.models.prosody import OUTPUTS

AHEAD = 16
"""Frames of look-ahead (0.2 s): 4 blocks of 2 convolutions, each 2 frames."""


class Acoustic(nn.Module):
    """Phonemes are encoded, repeated by their durations, and decoded frame by frame.

    Args:
        phonemes: size of the alphabet.
        channels: of encoder and decoder.
        features: per frame.

    >>> net = Acoustic()
    >>> durations = torch.tensor([[2, 3]])
    >>> net(torch.tensor([[1, 2]]), durations, torch.zeros(1, 2, 4)).shape
    torch.Size([1, 5, 26])
    """

    def __init__(self, phonemes: int = 178, channels: int = 192, features: int = 26) -> None:
        super().__init__()
        self.embed = nn.Embedding(phonemes, channels)
        self.prosody = nn.Linear(OUTPUTS, channels)
        self.encoder = nn.Sequential(*(Residual(channels, 5, 2) for _ in range(2)))
        self.place = nn.Linear(3, channels)
        self.decoder = nn.Sequential(*(Residual(channels, 5, 2) for _ in range(4)))
        self.out = nn.Linear(channels, features)

    def forward(self, phonemes: Tensor, durations: Tensor, prosody: Tensor) -> Tensor:
        """Features of every frame.

        Args:
            phonemes: (1, P).
            durations: (1, P) frames of each.
            prosody: (1, P, 4) as `apus.models.prosody.targets` has it.

        Returns:
            (1, T, 26), T the sum of the durations.
        """
        frames = torch.repeat_interleave(self.encode(phonemes, prosody)[0], durations[0], 0)
        return self.decode(frames[None], places(durations[0])[None])

    def encode(self, phonemes: Tensor, prosody: Tensor) -> Tensor:
        """(1, P) phonemes and (1, P, 4) prosody -> (1, P, C)."""
        encoded: Tensor = self.encoder(self.embed(phonemes) + self.prosody(prosody))
        return encoded

    def decode(self, frames: Tensor, places: Tensor) -> Tensor:
        """(1, T, C) what was encoded of each frame's phoneme, and (1, T, 3) `places` -> (1, T, 26) features."""
        found: Tensor = self.out(self.decoder(frames + self.place(places)))
        return found


def places(durations: Tensor) -> Tensor:
    """(P,) frames of each phoneme -> (T, 3): how far a frame is into its phoneme, how far from its end, its length.

    >>> places(torch.tensor([2, 1])).shape
    torch.Size([3, 3])
    """
    length = torch.repeat_interleave(durations, durations).float()
    begin = torch.repeat_interleave(durations.cumsum(0) - durations, durations)
    into = torch.arange(len(length)) - begin
    return torch.stack([(into + 0.5) / length, (length - into - 0.5) / length, length / 20], 1)
