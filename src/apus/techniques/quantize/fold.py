"""Fold batch normalisation into the layer before it, in any network that can be run once."""

import copy
import warnings
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

_BEFORE = (nn.Linear, nn.Conv1d, nn.Conv2d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
TOLERANCE = 1e-3  # of the largest output; folding re-associates float32 products, it changes nothing else


def fold_batch_norms(model: nn.Module, example: Tensor) -> nn.Module:
    """A copy of a network with its batch normalisations folded away.

    Who feeds whom is seen by running the network: a normalisation whose input is the very tensor that a layer
    returned. A network where that tensor is also used elsewhere is left as it is.

    Args:
        model: any network; is not changed.
        example: one input batch (B, ...).

    Returns:
        The copy, in evaluation mode; each folded normalisation is an Identity.

    Source: Jacob et al. 2017, arXiv:1712.05877, Eq. (14): w_fold = γ · w / √(σ² + ε).
    """
    plain, folded = copy.deepcopy(model).eval(), copy.deepcopy(model).eval()
    for before, norm in _pairs(folded, example):
        layer, batch_norm = folded.get_submodule(before), folded.get_submodule(norm)
        fuse: Any = fuse_linear_bn_eval if isinstance(layer, nn.Linear) else fuse_conv_bn_eval
        _replace(folded, before, fuse(layer, batch_norm))
        _replace(folded, norm, nn.Identity())
    with torch.no_grad():
        wanted, got = plain(example), folded(example)
    if (wanted - got).abs().max() <= TOLERANCE * wanted.abs().max().clamp_min(1.0):
        return folded
    warnings.warn("batch normalisations stay: the tensors they normalise are used elsewhere too", stacklevel=2)
    return plain


@torch.no_grad()
def _pairs(model: nn.Module, example: Tensor) -> list[tuple[str, str]]:
    made: dict[int, str] = {}
    alive: list[Tensor] = []  # a freed tensor's id could come again
    pairs: list[tuple[str, str]] = []
    calls: Counter[str] = Counter()
    handles = []

    def after(name: str) -> Any:
        def record(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            made[id(output)] = name
            alive.append(output)
            calls[name] += 1

        return record

    def before(name: str) -> Any:
        def record(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            calls[name] += 1
            if id(inputs[0]) in made:
                pairs.append((made[id(inputs[0])], name))

        return record

    for name, module in model.named_modules():
        if isinstance(module, _BEFORE):
            handles.append(module.register_forward_hook(after(name)))
        elif isinstance(module, _NORMS) and module.track_running_stats:
            handles.append(module.register_forward_pre_hook(before(name)))
    try:
        model(example)
    finally:
        for handle in handles:
            handle.remove()
    return [(a, b) for a, b in pairs if calls[a] == calls[b] == 1]


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, module)
