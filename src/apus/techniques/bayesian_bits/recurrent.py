"""torch's GRU and LSTM taken apart into layers, each of which can have a width of its own, and a loop over time."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from apus.techniques.bayesian_bits.attention import linear

State = Tensor | tuple[Tensor, Tensor]


class OpenRecurrent(nn.Module):
    """The same function as the GRU or LSTM it is made of, its matrices in Linear layers.

    They are named as torch names the weights: `ih_l0` meets the inputs of all steps at once, `hh_l0` the hidden state
    of each, `_reverse` runs backwards. An exported graph has the steps of its example, one after the other: export
    one step of a network that shall run on and on.

    Args:
        whole: without `proj_size`.
    """

    def __init__(self, whole: nn.GRU | nn.LSTM) -> None:
        super().__init__()
        self.gated, self.width, self.depth = isinstance(whole, nn.GRU), whole.hidden_size, whole.num_layers
        self.batch_first, self.dropout = whole.batch_first, whole.dropout
        self.ways = ("", "_reverse") if whole.bidirectional else ("",)
        for place in (f"{kind}_l{i}{way}" for i in range(self.depth) for way in self.ways for kind in ("ih", "hh")):
            bias = getattr(whole, f"bias_{place}") if whole.bias else None
            self.add_module(place, linear(getattr(whole, f"weight_{place}"), bias))

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """As `nn.GRU.forward` and `nn.LSTM.forward`.

        Args:
            x: (T, B, I), (B, T, I) with `batch_first`, or (T, I).
            state: h, or (h, c) of an LSTM, each (layers x ways, B, H); None is zeros.

        Returns:
            The last layer's outputs, and the last state, in the shapes of torch's own.

        Raises:
            TypeError: `x` is a PackedSequence.
        """
        if isinstance(x, PackedSequence):
            raise TypeError("learned widths need a padded tensor, not a PackedSequence: give a batch of equal lengths")
        alone = x.ndim == 2
        x = x[:, None] if alone else x.transpose(0, 1) if self.batch_first else x
        parts = self._first(x, state, alone)
        ends: list[tuple[Tensor, ...]] = []
        for i in range(self.depth):
            places = [(f"l{i}{way}", i * len(self.ways) + k) for k, way in enumerate(self.ways)]
            runs = [self._way(x, place, [part[at] for part in parts]) for place, at in places]
            x = torch.cat([y for y, _ in runs], -1)
            x = F.dropout(x, self.dropout, self.training) if i < self.depth - 1 else x
            ends += [end for _, end in runs]
        last = [torch.stack(each)[:, 0] if alone else torch.stack(each) for each in zip(*ends, strict=True)]
        y = x[:, 0] if alone else x.transpose(0, 1) if self.batch_first else x
        return y, last[0] if self.gated else (last[0], last[1])

    def _first(self, x: Tensor, state: State | None, alone: bool) -> list[Tensor]:
        """The state before the first step: h, and c of an LSTM, each (layers and ways, B, H)."""
        if state is None:
            return [x.new_zeros(self.depth * len(self.ways), x.shape[1], self.width)] * (1 if self.gated else 2)
        given = [state] if isinstance(state, Tensor) else list(state)
        return [part[:, None] if alone else part for part in given]

    def _way(self, x: Tensor, place: str, state: list[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One layer in one direction: outputs (T, B, H) and the last state."""
        arriving, hidden = self.get_submodule(f"ih_{place}")(x), self.get_submodule(f"hh_{place}")
        now, outputs = tuple(state), []
        backwards = place.endswith("_reverse")
        for step in reversed(range(len(x))) if backwards else range(len(x)):
            now = (_gru if self.gated else _lstm)(arriving[step], hidden(now[0]), *now)
            outputs.append(now[0])
        return torch.stack(outputs[::-1] if backwards else outputs), now


def _gru(x: Tensor, h: Tensor, state: Tensor) -> tuple[Tensor]:
    """Cho et al. 2014, arXiv:1406.1078, with the reset gate after the product."""
    (x_r, x_z, x_n), (h_r, h_z, h_n) = x.chunk(3, -1), h.chunk(3, -1)
    z, n = torch.sigmoid(x_z + h_z), torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
    return ((1 - z) * n + z * state,)


def _lstm(x: Tensor, h: Tensor, _state: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Hochreiter and Schmidhuber 1997, with a forget gate."""
    i, f, g, o = (x + h).chunk(4, -1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def opened(whole: nn.GRU | nn.LSTM) -> nn.Module:
    """Take a GRU or LSTM apart; one with a projection stays as it is, and its matrices float.

    Args:
        whole: is not changed.

    Returns:
        What takes its place.
    """
    return whole if getattr(whole, "proj_size", 0) else OpenRecurrent(whole).train(whole.training)
