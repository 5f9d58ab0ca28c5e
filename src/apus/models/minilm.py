"""A transformer that reads a text: MiniLM's encoder, the mean of its states, and scores of classes.

Source: Devlin et al., "BERT", 2018, arXiv:1810.04805, §3; Wang et al., "MiniLM", 2020, arXiv:2002.10957: 6 layers of
384; its weights as sentence-transformers tuned them ("all-MiniLM-L6-v2"), from the package that carries them.
"""

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from apus.data.wordpieces import PAD, minilm_folder
from apus.errors import DataError

CURVES: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}
FAR = -1e4  # added to a score: no attention, and still a number in bfloat16
CALLED = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "out",
    "attention.output.LayerNorm": "norm",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "last_norm",
}
"""What the package's file calls the parts of a layer → what they are called here."""


class MiniLM(nn.Module):
    """An encoder of text and a classifier; one tensor in, one out.

    Args:
        classes: number of outputs.
        layers: of the encoder.
        width: of the hidden states.
        heads: of attention.
        inner: width between the two linear layers of a layer.
        vocabulary: number of tokens.
        longest: most tokens of a text.
        dropout: share of hidden values that are set to 0 in training.
        frozen: the embeddings do not learn.
        curve: `gelu`, or `relu`, which costs a CPU next to nothing.

    Raises:
        ValueError: the heads do not share the width out, or the curve is another.

    >>> model = MiniLM(3, layers=1, width=24, inner=48, vocabulary=50, longest=8).eval()
    >>> model(torch.tensor([[7, 8, 9, 0], [7, 0, 0, 0]])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        classes: int,
        *,
        layers: int = 6,
        width: int = 384,
        heads: int = 12,
        inner: int = 1536,
        vocabulary: int = 30522,
        longest: int = 512,
        dropout: float = 0.1,
        frozen: bool = False,
        curve: str = "gelu",
    ) -> None:
        super().__init__()
        if width % heads or curve not in CURVES:
            raise ValueError(
                f"width={width}, heads={heads}, curve={curve!r}: the heads must share the width out, and the curve is"
                f" one of {', '.join(CURVES)}"
            )
        self.embed = _Embed(vocabulary, longest, width, dropout).requires_grad_(not frozen)
        self.layers = nn.ModuleList(_Layer(width, heads, inner, dropout, curve) for _ in range(layers))
        self.drop, self.head = nn.Dropout(dropout), nn.Linear(width, classes)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class.

        Args:
            x: tokens, integer (B, T), filled up with `PAD`, which is not read.

        Returns:
            (B, classes).
        """
        real = (x != PAD).float()
        away = (1 - real)[:, None, None, :] * FAR
        h = self.embed(x)
        for layer in self.layers:
            h = layer(h, away)
        share = (real / real.sum(1, keepdim=True))[:, None, :]  # of each token in the mean
        scores: Tensor = self.head(self.drop((share @ h).squeeze(1)))
        return scores


class _Embed(nn.Module):
    """Token and place; of BERT's two types of sentence there is one, which the places contain."""

    def __init__(self, vocabulary: int, longest: int, width: int, dropout: float) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(longest, width)
        self.norm, self.drop = nn.LayerNorm(width, 1e-12), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1], device=x.device)[None]
        h: Tensor = self.drop(self.norm(self.tokens(x) + self.places(places)))
        return h


class _Layer(nn.Module):
    """Attention, then two linear layers; each adds to what comes in, and is normalised after."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float, curve: str) -> None:
        super().__init__()
        self.heads, self.scores, self.drop, self.curve = heads, _Scores(), nn.Dropout(dropout), CURVES[curve]()
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm, self.last_norm = nn.LayerNorm(width, 1e-12), nn.LayerNorm(width, 1e-12)

    def forward(self, h: Tensor, away: Tensor) -> Tensor:
        q, k, v = self._split(self.q(h)), self._split(self.k(h)), self._split(self.v(h))
        seen = self.drop((self.scores(q, k) + away).softmax(-1))
        h = self.norm(h + self.drop(self.out((seen @ v).transpose(1, 2).flatten(2))))
        out: Tensor = self.last_norm(h + self.drop(self.down(self.curve(self.up(h)))))
        return out

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # type: ignore[no-untyped-call, no-any-return]


class _Scores(nn.Module):
    """q·kᵀ / √d, for a tap to read: "Attention Is All You Need", Eq. (1), before the softmax."""

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        scores: Tensor = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        return scores


def pretrained(classes: int, *, layers: int = 6, frozen: bool = False, path: str = "") -> MiniLM:
    """MiniLM with its published weights; the classifier is new.

    Args:
        classes: number of outputs.
        layers: the first so many of its 6.
        frozen: the embeddings do not learn.
        path: of its `model.safetensors`; empty is the installed package's.

    Returns:
        The network.

    Raises:
        MissingExtraError: no path, and the package is not installed.
        DataError: the file is missing, damaged, or of another network.
    """
    model = MiniLM(classes, layers=layers, frozen=frozen)
    file = Path(path) if path else minilm_folder() / "model.safetensors"
    try:
        found = safetensors.torch.load(file.read_bytes())
        state = {ours: found[theirs] for ours, theirs in _names(layers).items()}
        state["embed.places.weight"] += found["embeddings.token_type_embeddings.weight"][0]
        state |= {f"head.{name}": tensor for name, tensor in model.head.state_dict().items()}
        model.load_state_dict(state)
    except (OSError, safetensors.SafetensorError, KeyError, RuntimeError) as error:
        raise DataError(f"{file}: not MiniLM's weights: {error}") from None
    return model


def _names(layers: int) -> dict[str, str]:
    """Our names of the encoder's tensors → those of the package's file."""
    parts = {f"layers.{i}.{own}": f"encoder.layer.{i}.{name}" for i in range(layers) for name, own in CALLED.items()}
    parts["embed.norm"] = "embeddings.LayerNorm"
    tensors = {f"{own}.{kind}": f"{name}.{kind}" for own, name in parts.items() for kind in ("weight", "bias")}
    tables = {"tokens": "word_embeddings", "places": "position_embeddings"}
    return tensors | {f"embed.{own}.weight": f"embeddings.{name}.weight" for own, name in tables.items()}
