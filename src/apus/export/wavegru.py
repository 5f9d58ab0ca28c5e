"""A trained WaveGRU as plain arrays for the engine, with the embeddings folded into tables of gates."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from apus.models.wavegru import LEVELS, PERIOD, PITCH, WaveGRU
from apus.speech.bands import synthesis


@torch.no_grad()
def wavegru_arrays(net: WaveGRU, sharpen: Sequence[float] = ()) -> dict[str, NDArray[np.float32]]:
    """The arrays that `apus.runtime.WaveGRU` takes.

    Args:
        net: trained or not; zeros in `gru.weight_hh_l0` and `head.weight` are left out by the sparse kinds.
        sharpen: B factors of the logits, by band: above 1 likely codes are drawn more often than the network says, so
            a voice is less hoarse (as LPCNet samples, arXiv:1810.11846); none by default.

    Returns:
        `wide` (3F, C), `deep` (3C, C), `upsample` (C, U C) for U conditions a frame, `condition` (C, 3H), `table`
        (256 B, 3H) for B bands, `recurrent` (3H, H), `head` (D, H), `nodes` (255 B, D), and the biases of all but
        `condition` and `table`; for more bands than one `bank` (B, 64), which makes samples of them; for a network that
        recalls, `recall` (3H, recent + around) and `recalled`: recent, around, which feature is the logarithm of the
        pitch, steps of a period where it is 0.

    Raises:
        ValueError: there is not one factor, above 0, for each band.

    >>> wavegru_arrays(WaveGRU(hidden=32, channels=8, head=16))["table"].shape
    (256, 96)
    """
    factors = torch.tensor(sharpen or [1.0] * net.bands)
    if len(factors) != net.bands or not (factors > 0).all():
        raise ValueError(f"sharpen={sharpen}: {net.bands} bands want as many factors, each above 0")
    factors = factors.repeat_interleave(LEVELS - 1)
    gru = {name: tensor.detach() for name, tensor in net.gru.named_parameters()}
    inputs, bands, width = gru["weight_ih_l0"], net.bands, net.embed.embedding_dim
    sizes = [bands * width, net.recent + net.around, net.upsample.in_features]
    codes, recall, condition = torch.split(inputs, sizes, 1)
    codes = codes.reshape(-1, bands, width)
    tables = torch.einsum("bce,hbe->bch", net.embed.weight.reshape(bands, -1, width), codes)
    tables[0] += gru["bias_ih_l0"]
    found = {
        "wide": _taps(net.wide.weight),
        "wide_bias": net.wide.bias,
        "deep": _taps(net.deep.weight),
        "deep_bias": net.deep.bias,
        "upsample": net.upsample.weight.T,
        "upsample_bias": net.upsample.bias,
        "condition": condition.T,
        "table": tables.flatten(0, 1),
        "recurrent": gru["weight_hh_l0"],
        "recurrent_bias": gru["bias_hh_l0"],
        "head": net.head.weight,
        "head_bias": net.head.bias,
        "nodes": net.nodes.weight * factors[:, None],
        "nodes_bias": net.nodes.bias * factors,
    }
    arrays = {name: np.ascontiguousarray(t.detach().float().numpy()) for name, t in found.items() if t is not None}
    if recall.shape[1]:
        arrays["recall"] = np.ascontiguousarray(recall.numpy())
        arrays["recalled"] = np.array([net.recent, net.around, PITCH, PERIOD / bands], np.float32)
    return arrays | ({"bank": synthesis()} if bands > 1 else {})


def _taps(weight: torch.Tensor) -> torch.Tensor:
    """(outputs, inputs, taps) -> (taps * inputs, outputs)."""
    return weight.permute(2, 1, 0).reshape(-1, weight.shape[0])
