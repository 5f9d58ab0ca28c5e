"""WaveGRU: a vocoder that makes a sample a step, or one of each band. A conditioning network by frame, a GRU and a tree
of bits by step.

Source: Kalchbrenner et al. 2018, "Efficient neural audio synthesis" (WaveRNN), arXiv:1802.08435, of which this is the
single-softmax form with a plain GRU; the tree of bits is that of Valin et al. 2022, arXiv:2202.11169, §3; bands as in
Yu et al. 2020, arXiv:1909.01700, §2: those of a step are drawn from one state, each without knowing the others. What it
recalls, from a period of the voice ago too, is FARGAN's idea (Valin et al. 2024, arXiv:2405.21069, §2).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from apus.models.causal import Lookahead

LEVELS = 256
BITS = 8
HOP = 300
"""Codes of a frame."""
SUBFRAMES = {1: 4, 4: 5}
"""Conditions of a frame, by bands; each holds for as many steps."""
PITCH, PERIOD = 24, 120
"""Which feature is the logarithm of the pitch, and the samples of a period where it is 0 (`apus.speech.features`)."""
REACH = 512
"""Samples back, at most, that may be recalled: a period of 47 Hz."""
RECALLED_LEVELS = 32.0
"""Codes that make up a unit of what is recalled."""


class WaveGRU(nn.Module):
    """Samples as 8-bit codes, each from those of the steps before it and from the features of its frame.

    S counts codes; with four bands they stand side by side, the lowest first, so there are S / 4 steps.

    Args:
        hidden: state of the GRU, a multiple of 16.
        features: per frame.
        channels: of the conditioning network.
        head: width of the layer between state and bits, a multiple of 16.
        embedding: width of a code; folded into a table of gates when exported, so it costs nothing.
        bands: codes of a step, 1 (`apus.speech.mulaw`) or 4 (`apus.speech.bands`).
        recent: how many of the latest codes of the lowest band go into the gates as numbers, besides the latest of all.
        around: how many of its codes about one period of the voice ago go there, an odd number or 0.

    >>> net = WaveGRU(hidden=32, channels=8, head=16)
    >>> codes, features = torch.zeros(1, 600, dtype=torch.long), torch.zeros(1, 2, 26)
    >>> net.nll(codes, features)[0].shape
    torch.Size([1, 600])
    """

    def __init__(
        self,
        hidden: int = 1024,
        features: int = 26,
        channels: int = 128,
        head: int = 256,
        embedding: int = 64,
        bands: int = 1,
        recent: int = 0,
        around: int = 0,
    ) -> None:
        super().__init__()
        if hidden % 16 or head % 16:
            raise ValueError(f"hidden={hidden} and head={head} must be multiples of 16")
        if bands not in SUBFRAMES:
            raise ValueError(f"bands={bands}; take 1 or 4")
        if min(recent, around) < 0 or max(recent, around) > REACH // bands - 1 or (recent + around) % 16:
            raise ValueError(
                f"recent={recent} and around={around} must be below {REACH // bands}, together 16, 32, ..."
            )
        if around and around % 2 == 0:
            raise ValueError(f"around={around} must be odd, to have a middle, or 0")
        self.bands, self.subframes, self.recent, self.around = bands, SUBFRAMES[bands], recent, around
        self.wide, self.deep = Lookahead(features, channels, 3, 1), Lookahead(channels, channels, 3, 1)
        self.upsample = nn.Linear(channels, self.subframes * channels)
        self.embed = nn.Embedding(bands * LEVELS, embedding)
        self.gru = nn.GRU(bands * embedding + recent + around + channels, hidden, batch_first=True)
        self.head = nn.Linear(hidden, head)
        self.nodes = nn.Linear(head, bands * (LEVELS - 1))

    def condition(self, features: Tensor) -> Tensor:
        """(N, T, F) features by frame -> (N, T * subframes, C); frame t sees up to frame t + 2."""
        x = torch.tanh(self.deep(torch.tanh(self.wide(features))))
        up = torch.tanh(self.upsample(x))
        return up.reshape(x.shape[0], -1, x.shape[2])

    @property
    def reach(self) -> int:
        """Steps before the first whose codes `logits` wants."""
        return REACH // self.bands if self.recent or self.around else 1

    def periods(self, features: Tensor) -> Tensor:
        """(N, T, F) features -> (N, T) steps in a period of the voice, as many as can be recalled on both its sides."""
        steps = PERIOD / self.bands * torch.exp(-features[..., PITCH].double())
        return steps.round().clamp(1 + self.around // 2, self.reach - self.around // 2).long()

    def recalled(self, past: Tensor, periods: Tensor) -> Tensor:
        """What is recalled at each step: the latest first, then from before a period ago to after it.

        Args:
            past: as `before` of `logits`.
            periods: (N, T).

        Returns:
            (N, S / B, recent + around) codes as numbers, silence 0.
        """
        lowest = (past[:, :: self.bands] - LEVELS // 2) / RECALLED_LEVELS
        windows = lowest.unfold(1, self.reach, 1).flip(2)  # (N, S / B, reach): 1, 2, ... steps ago
        half, held = self.around // 2, HOP // self.bands
        back = periods[..., None] - 1 + torch.arange(half, half - self.around, -1, device=past.device)
        there = windows.gather(2, back.repeat_interleave(held, 1))
        return torch.cat([windows[:, :, : self.recent], there], 2)

    def logits(
        self, before: Tensor, condition: Tensor, state: Tensor | None = None, periods: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logits of the tree's nodes under teacher forcing.

        Args:
            before: (N, (reach - 1) B + S) codes up to one step before the last, from `reach` steps before the first on.
            condition: (N, T * subframes, C), S = 300 T.
            state: (1, N, H) to go on from; zeros by default.
            periods: (N, T) as `periods` finds them; needed by a network that recalls.

        Returns:
            (N, S, 255) logits and the state after them.
        """
        latest = before[:, (self.reach - 1) * self.bands :]
        steps = latest.reshape(len(before), -1, self.bands) + LEVELS * torch.arange(self.bands, device=before.device)
        parts = [self.embed(steps).flatten(2)]
        if periods is not None and self.reach > 1:
            parts.append(self.recalled(before, periods))
        parts.append(condition.repeat_interleave(HOP // self.bands // self.subframes, 1))
        out, state = self.gru(torch.cat(parts, 2), state)
        nodes: Tensor = self.nodes(torch.relu(self.head(out)))
        return nodes.reshape(*latest.shape, LEVELS - 1), state

    def nll(self, codes: Tensor, features: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Bits that each code costs. Before the first stands silence, code 128.

        Args:
            codes: (N, T * 300).
            features: (N, T, F).
            state: (1, N, H) to go on from; zeros by default.

        Returns:
            (N, T * 300) bits and the state after them.
        """
        before = F.pad(codes[:, : -self.bands], (self.reach * self.bands, 0), value=LEVELS // 2)
        logits, state = self.logits(before, self.condition(features), state, self.periods(features))
        return bits_of(logits, codes), state


def bits_of(logits: Tensor, codes: Tensor) -> Tensor:
    """Bits that `codes` cost: -sum over the levels of log2 P(bit | the bits above it).

    Node 0 is the root; below node n lie 2n + 1 (bit 0) and 2n + 2 (bit 1). A logit speaks for bit 1.

    Args:
        logits: (..., 255).
        codes: (...) 0..255.

    Returns:
        (...) bits.

    >>> bits_of(torch.zeros(255), torch.tensor(7))
    tensor(8.)
    """
    nodes, signs = path(codes)
    found = logits.gather(-1, nodes)
    return F.softplus(-signs * found).sum(-1) / torch.log(torch.tensor(2.0))


def path(codes: Tensor) -> tuple[Tensor, Tensor]:
    """The eight nodes that lead to each code, and 1 or -1 for the bit taken at each.

    >>> path(torch.tensor(128))[0][:3]
    tensor([0, 2, 5])
    """
    nodes, bits = [torch.zeros_like(codes)], []
    for level in range(BITS):
        bits.append(codes >> (BITS - 1 - level) & 1)
        nodes.append(2 * nodes[-1] + 1 + bits[-1])
    return torch.stack(nodes[:-1], -1), 2.0 * torch.stack(bits, -1) - 1
