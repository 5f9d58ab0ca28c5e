"""A trained WaveGRU as plain arrays for the engine, with the embedding folded into a table of gates."""

import numpy as np
import torch
from numpy.typing import NDArray

from apus.models.wavegru import WaveGRU


@torch.no_grad()
def wavegru_arrays(net: WaveGRU) -> dict[str, NDArray[np.float32]]:
    """The arrays that `apus.runtime.WaveGRU` takes.

    Args:
        net: trained or not; zeros in `gru.weight_hh_l0` and `head.weight` are left out by the sparse kinds.

    Returns:
        `wide` (3F, C), `deep` (3C, C), `upsample` (C, 4C), `condition` (C, 3H), `table` (256, 3H), `recurrent` (3H, H),
        `head` (D, H), `nodes` (255, D), and the biases of all but `condition` and `table`.

    >>> wavegru_arrays(WaveGRU(hidden=32, channels=8, head=16))["table"].shape
    (256, 96)
    """
    width = net.embed.embedding_dim
    gru = {name: tensor.detach() for name, tensor in net.gru.named_parameters()}
    inputs = gru["weight_ih_l0"]
    found = {
        "wide": _taps(net.wide.weight),
        "wide_bias": net.wide.bias,
        "deep": _taps(net.deep.weight),
        "deep_bias": net.deep.bias,
        "upsample": net.upsample.weight.T,
        "upsample_bias": net.upsample.bias,
        "condition": inputs[:, width:].T,
        "table": net.embed.weight @ inputs[:, :width].T + gru["bias_ih_l0"],
        "recurrent": gru["weight_hh_l0"],
        "recurrent_bias": gru["bias_hh_l0"],
        "head": net.head.weight,
        "head_bias": net.head.bias,
        "nodes": net.nodes.weight,
        "nodes_bias": net.nodes.bias,
    }
    return {name: np.ascontiguousarray(t.detach().float().numpy()) for name, t in found.items() if t is not None}


def _taps(weight: torch.Tensor) -> torch.Tensor:
    """(outputs, inputs, taps) -> (taps * inputs, outputs)."""
    return weight.permute(2, 1, 0).reshape(-1, weight.shape[0])
