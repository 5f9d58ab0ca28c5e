"""From letters to phonemes: a small transformer that reads a word and writes how it is said.

Source: Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, §3; as for this task in Yolchuyeva et al.,
"Transformer based Grapheme-to-Phoneme Conversion", 2019, arXiv:2004.06338. Norms come first, as Xiong et al. 2020,
arXiv:2002.04745, advise, so that training needs no long warm-up.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PAD, BEGIN, END = 0, 1, 2


class G2P(nn.Module):
    """Encoder and decoder of `layers` layers each; one tensor in, one out, as the training loop wants it.

    Args:
        letters: number of input tokens, PAD, BEGIN and END among them.
        phonemes: number of output tokens, the same among them.
        word: length of the padded word, the first part of an input.
        said: length of the padded answer, the second part.
        width: of the hidden states.
        heads: of attention.
        layers: of encoder and of decoder.
        dropout: share of hidden values that are set to 0 in training.

    Raises:
        ValueError: the heads do not share the width out.

    >>> model = G2P(30, 42, word=8, said=10, width=32, heads=2, layers=1).eval()
    >>> model(torch.ones(2, 18, dtype=torch.int64)).shape
    torch.Size([2, 10, 42])
    """

    def __init__(
        self,
        letters: int,
        phonemes: int,
        *,
        word: int,
        said: int,
        width: int = 192,
        heads: int = 4,
        layers: int = 3,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width={width}, heads={heads}: the heads must share the width out")
        self.word, self.said = word, said
        self.letters, self.phonemes = nn.Embedding(letters, width), nn.Embedding(phonemes, width)
        self.places = nn.Embedding(max(word, said), width)
        self.encoder = nn.ModuleList(_Layer(width, heads, dropout, crosses=False) for _ in range(layers))
        self.decoder = nn.ModuleList(_Layer(width, heads, dropout, crosses=True) for _ in range(layers))
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.head = nn.Linear(width, phonemes)
        for table in (self.letters, self.phonemes, self.places):
            nn.init.normal_(table.weight, std=0.05)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each next phoneme, given those before it.

        Args:
            x: word and answer side by side, integer (B, word + said) or shorter, in the same proportion; the answer
                starts with BEGIN.

        Returns:
            (B, said, phonemes), or as many as there are answers' tokens in x.
        """
        word = x.shape[1] * self.word // (self.word + self.said)
        memory, hidden = self.encode(x[:, :word])
        return self.decode(x[:, word:], memory, hidden)

    def encode(self, word: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states of words (B, word), (B, word, width), and which places a decoder may not see."""
        hidden = (word == PAD)[:, None, None, :]
        h = self._embed(self.letters, word)
        for layer in self.encoder:
            h = layer(h, hidden)
        return self.encoder_norm(h), hidden

    def decode(self, said: Tensor, memory: Tensor, hidden: Tensor) -> Tensor:
        """Scores (B, T, phonemes) after each of the phonemes (B, T), T ≤ said."""
        T = said.shape[1]
        later = torch.ones(T, T, dtype=torch.bool, device=said.device).triu(1)[None, None]
        h = self._embed(self.phonemes, said)
        for layer in self.decoder:
            h = layer(h, later, memory, hidden)
        scores: Tensor = self.head(self.decoder_norm(h))
        return scores

    def _embed(self, table: nn.Module, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        embedded: Tensor = table(tokens) + self.places(places[None])
        return embedded

    @torch.no_grad()
    def say(self, word: Tensor) -> Tensor:
        """The likeliest phoneme after each other.

        Args:
            word: integer (B, word), padded.

        Returns:
            Integer (B, said); what follows END means nothing.
        """
        memory, hidden = self.encode(word)
        said = torch.full((len(word), 1), BEGIN, device=word.device)
        for _ in range(self.said):
            nearest = self.decode(said, memory, hidden)[:, -1].argmax(-1)
            said = torch.cat([said, nearest[:, None]], 1)
        return said[:, 1:]


class _Layer(nn.Module):
    """Attention to oneself, in a decoder to the word as well, and two linear layers; each adds to what comes in."""

    def __init__(self, width: int, heads: int, dropout: float, *, crosses: bool) -> None:
        super().__init__()
        self.own_norm, self.own = nn.LayerNorm(width), _Attention(width, heads)
        self.cross_norm = nn.LayerNorm(width) if crosses else None
        self.cross = _Attention(width, heads) if crosses else None
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, hidden: Tensor, memory: Tensor | None = None, absent: Tensor | None = None) -> Tensor:
        normed = self.own_norm(h)
        h = h + self.drop(self.own(normed, normed, hidden))
        if self.cross is not None and self.cross_norm is not None and memory is not None:
            h = h + self.drop(self.cross(self.cross_norm(h), memory, absent))
        out: Tensor = h + self.drop(self.down(F.relu(self.up(self.norm(h)))))
        return out


class _Attention(nn.Module):
    """softmax(q·kᵀ / √d) · v, Eq. (1); `scores` gives the matrices before the softmax, so that a tap can read them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.out, self.scores = nn.Linear(width, width), _Scores()

    def forward(self, x: Tensor, source: Tensor, hidden: Tensor | None) -> Tensor:
        q, k, v = self._split(self.q(x)), self._split(self.k(source)), self._split(self.v(source))
        scores = self.scores(q, k)
        if hidden is not None:
            scores = scores.masked_fill(hidden, -1e4)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        answer: Tensor = self.out(mixed)
        return answer

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # type: ignore[no-untyped-call, no-any-return]


class _Scores(nn.Module):
    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        scores: Tensor = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        return scores


def loss(z: Tensor, y: Tensor) -> Tensor:
    """Cross entropy of each phoneme that is none of padding.

    Args:
        z: scores (B, said, phonemes).
        y: answers with END, padded, integer (B, said).

    Returns:
        The mean.
    """
    return F.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=PAD)
