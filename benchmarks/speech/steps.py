"""One step of the vocoder as a PyTorch user writes it, and as one does who first folds what can be folded."""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from apus.models.wavegru import WaveGRU


class Step(nn.Module):
    """Embedding, GRU cell, two linear layers.

    Args:
        net: whose weights it takes.
    """

    def __init__(self, net: WaveGRU) -> None:
        super().__init__()
        self.embed, self.head, self.nodes = net.embed, net.head, net.nodes
        self.cell = nn.GRUCell(net.gru.input_size, net.gru.hidden_size)
        self.cell.load_state_dict({name.removesuffix("_l0"): w for name, w in net.gru.state_dict().items()})

    def forward(self, code: Tensor, condition: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(1,) code before, (1, C) condition, (1, H) state -> (1, 255) logits and the state after."""
        state = self.cell(torch.cat([self.embed(code), condition], 1), state)
        return self.nodes(torch.relu(self.head(state))), state


class Folded(nn.Module):
    """The same with the embedding folded into a table of gates, conditions too, and the gates in one product.

    Args:
        net: whose weights it takes.
    """

    def __init__(self, net: WaveGRU) -> None:
        super().__init__()
        width = net.embed.embedding_dim
        gru = {name: w.detach() for name, w in net.gru.named_parameters()}
        inputs = gru["weight_ih_l0"]
        self.table = nn.Parameter(net.embed.weight.detach() @ inputs[:, :width].T + gru["bias_ih_l0"])
        self.hidden = nn.Linear(net.gru.hidden_size, 3 * net.gru.hidden_size)
        self.hidden.load_state_dict({"weight": gru["weight_hh_l0"], "bias": gru["bias_hh_l0"]})
        self.head, self.nodes = net.head, net.nodes

    def forward(self, code: Tensor, condition: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(1,) code before, (1, 3H) condition, (1, H) state -> (1, 255) logits and the state after."""
        gates, recurrent = F.embedding(code, self.table) + condition, self.hidden(state)
        r, z, n = gates.chunk(3, 1)
        u, v, w = recurrent.chunk(3, 1)
        r, z = torch.sigmoid(r + u), torch.sigmoid(z + v)
        n = torch.tanh(n + r * w)
        state = n + z * (state - n)
        return self.nodes(torch.relu(self.head(state))), state


@torch.no_grad()
def conditions(net: WaveGRU, features: Tensor, folded: bool) -> Tensor:
    """Features (T, 26) -> a condition for each quarter of a frame, (4T, C) or, folded, (4T, 3H)."""
    found = net.condition(features[None])[0]
    if not folded:
        return found
    return found @ net.gru.weight_ih_l0.detach()[:, net.embed.embedding_dim :].T


def walk(bits: Tensor) -> int:
    """(1, 255) outcomes -> the code that they lead to."""
    chosen = bits[0]
    node = 0
    for _ in range(8):
        node = 2 * node + 1 + int(chosen[node])
    return node - 255


class Loop(nn.Module):
    """All samples, for TorchScript.

    Args:
        step: takes one.
    """

    def __init__(self, step: nn.Module) -> None:
        super().__init__()
        self.step = step

    def forward(self, conditions: Tensor, limits: Tensor, state: Tensor) -> Tensor:
        """Conditions by quarter of a frame, (S, 255) limits of the logits, (1, H) state -> (S,) codes."""
        codes = torch.full((limits.shape[0] + 1,), 128, dtype=torch.long)
        for s in range(limits.shape[0]):
            row = s // 75
            logits, state = self.step(codes[s : s + 1], conditions[row : row + 1], state)
            codes[s + 1] = walk(logits > limits[s])
        return codes[1:]


def scripted(step: nn.Module) -> torch.jit.ScriptModule:
    """The whole loop in TorchScript, weights frozen into it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and the one that takes a whole loop
        return torch.jit.freeze(torch.jit.script(Loop(step).eval()))
