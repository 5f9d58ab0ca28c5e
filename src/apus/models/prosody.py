"""Rhythm and melody: from phonemes, how long each lasts, how high and how loud it is, and how clearly voiced.

The second of the four parts of Facebook's system of 2020 (front-end, prosody, acoustic model, vocoder); the variance
predictors of FastSpeech 2 (Ren et al. 2021, arXiv:2006.04558, §2.3) stand in for its attention network.
"""

import torch
from torch import Tensor, nn

from apus.models.causal import Residual

OUTPUTS = 4


class Prosody(nn.Module):
    """A convolutional encoder of phonemes; it sees the whole sentence, which is known before it is spoken.

    Args:
        phonemes: size of the alphabet.
        channels: of the encoder.
        depth: residual blocks; each sees 4 phonemes to either side.

    >>> Prosody()(torch.zeros(1, 5, dtype=torch.long)).shape
    torch.Size([1, 5, 4])
    """

    def __init__(self, phonemes: int = 178, channels: int = 128, depth: int = 5) -> None:
        super().__init__()
        self.embed = nn.Embedding(phonemes, channels)
        self.blocks = nn.Sequential(*(Residual(channels, 5, 2) for _ in range(depth)))
        self.out = nn.Linear(channels, OUTPUTS)

    def forward(self, phonemes: Tensor) -> Tensor:
        """(N, P) phonemes -> (N, P, 4): ln(1 + frames), mean ln(f0 / 200), mean cepstrum 0, share of voiced frames."""
        found: Tensor = self.out(self.blocks(self.embed(phonemes)))
        return found


def targets(durations: Tensor, features: Tensor) -> Tensor:
    """What `Prosody` should say of one sentence.

    Args:
        durations: (P,) frames of each phoneme.
        features: (T, 26), T their sum.

    Returns:
        (P, 4); a phoneme of no frames has zeros after its first column.
    """
    owner = torch.repeat_interleave(torch.arange(len(durations)), durations)
    chosen = features[:, [24, 0, 25]]
    sums = torch.zeros(len(durations), 3).index_add_(0, owner, chosen)
    return torch.cat([torch.log1p(durations.float())[:, None], sums / durations.clamp(min=1)[:, None]], 1)
