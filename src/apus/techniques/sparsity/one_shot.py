"""Prune a trained network once, without training: rank by what reaches each weight, then correct what is left.

Source: Sun et al., "A Simple and Effective Pruning Approach for Large Language Models", 2023, arXiv:2306.11695, Eq. (1)
(score |w| · ‖x‖); Frantar, Alistarh, "Optimal Brain Compression", 2022, arXiv:2208.11580, §3, Eq. (1) (the layer-wise
least squares). A strip of 16x1 blocks keeps the same columns in all its rows, so one solution serves 16 outputs.
"""

import copy
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apus.errors import NothingMatchedError
from apus.techniques.sparsity.blocks import BLOCK, check_share
from apus.techniques.sparsity.masks import Masks
from apus.techniques.sparsity.prunable import Layer, Stacked

DAMPING = 0.01  # of the mean of the Gram matrix's diagonal, as in OBC's and GPTQ's codes


@torch.no_grad()
def one_shot(model: nn.Module, masks: Masks, inputs: Sequence[Tensor], sparsity: float) -> None:
    """Prune a network and fit each layer's remaining weights to what the dense layer gave, first layer first.

    Each layer sees what the layers before it give once they are pruned, so it makes good for their errors too.

    Args:
        model: trained; its weights are changed in place.
        masks: of `model`.
        inputs: calibration batches (B, ...).
        sparsity: share to be zero, 0..1.

    Warns:
        UserWarning: a layer sees fewer than a fourth as many rows as it has inputs, so that least squares fit chance.

    Raises:
        NothingMatchedError: no batch is given, or a layer to prune does not run in the network.
        ValueError: the masks are of another network or of what cannot be fitted, the sparsity is out of its range, or
            a layer's inputs are not finite.
    """
    if not inputs:
        raise NothingMatchedError("one-shot pruning corrects on calibration data; give at least one batch")
    check_share(sparsity)
    layers, modules = fitted_layers(masks), dict(model.named_modules())
    if strangers := [name for name, layer in layers.items() if modules.get(name) is not layer]:
        raise ValueError(f"the masks are of another network than the one to prune: {', '.join(strangers)}")
    dense, modes = copy.deepcopy(model).eval(), [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        _prune(model, dense, masks, layers, inputs, sparsity)
    finally:
        for module, training in modes:
            module.training = training


def fitted_layers(masks: Masks) -> dict[str, Layer]:
    """What one-shot pruning fits.

    Args:
        masks: of the network.

    Returns:
        The layers of the masks.

    Raises:
        ValueError: a recurrent layer or attention is among them, whose inputs no layer shows.
    """
    layers = {name: layer for name, layer in masks.layers.items() if not isinstance(layer, Stacked)}
    if inner := [name for name in masks.layers if name not in layers]:
        raise ValueError(f"one-shot pruning fits no recurrent layers and no attention: skip {', '.join(inner)}")
    return layers


def _prune(
    model: nn.Module,
    dense: nn.Module,
    masks: Masks,
    layers: dict[str, Layer],
    inputs: Sequence[Tensor],
    sparsity: float,
) -> None:
    norms = {name: _gather(dense, dense, name, inputs)[0].diagonal(dim1=1, dim2=2).sqrt() for name in layers}
    masks.update(sparsity, {name: _ranked(layer, norms[name]) for name, layer in layers.items()})
    for name, layer in layers.items():
        gram, cross, mean, wanted = _gather(model, dense, name, inputs)
        _fit(layer, masks.kept[name], gram, cross)
        if layer.bias is not None:
            predicted = (_rows(layer).float() @ mean[:, :, None]).flatten()
            layer.bias.copy_(wanted - predicted)


def _ranked(layer: Layer, norms: Tensor) -> Tensor:
    """|w| · ‖x‖ of each weight; norms (groups, K)."""
    return (_rows(layer).abs() * norms[:, None]).reshape(layer.weight.shape)


def _rows(layer: Layer) -> Tensor:
    """The weight as (groups, M / groups, K)."""
    return layer.weight.reshape(getattr(layer, "groups", 1), -1, layer.weight[0].numel())


def _gather(
    model: nn.Module, dense: nn.Module, name: str, inputs: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of a layer's inputs x now and its outputs y when dense, means over all rows.

    They are x·xᵀ (groups, K, K), y·xᵀ (groups, M / groups, K), both less those of their means where there is a bias,
    x (groups, K) and y (M,).
    """
    seen: dict[str, Tensor] = {}
    hooks = [
        model.get_submodule(name).register_forward_hook(lambda m, i, o: seen.update(x=i[0])),
        dense.get_submodule(name).register_forward_hook(lambda m, i, o: seen.update(y=o)),
    ]
    layer = model.get_submodule(name)
    sums: list[Tensor] = []
    count = 0
    try:
        for batch in inputs:
            seen.clear()
            model(batch)
            dense(batch)
            if set(seen) != {"x", "y"}:
                raise NothingMatchedError(f"{name}: does not run in the network, so nothing can be fitted; skip it")
            x, y = _columns(layer, seen["x"]), _outputs(layer, seen["y"])  # type: ignore[arg-type]
            parts = [x.mT @ x, y.mT @ x, x.sum(1), y.sum(1)]
            sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts
            count += x.shape[1]
    finally:
        for hook in hooks:
            hook.remove()
    gram, cross, x_mean, y_mean = (each / count for each in sums)
    if not bool(gram.isfinite().all()):
        raise ValueError(f"{name}: its inputs on the calibration data are not finite")
    if 4 * count < gram.shape[1] and model is not dense:
        warnings.warn(
            f"{name}: {count} rows of calibration for {gram.shape[1]} inputs; give more, or the correction may do harm",
            stacklevel=4,
        )
    if getattr(layer, "bias", None) is not None:
        gram = gram - x_mean[:, :, None] * x_mean[:, None]
        cross = cross - y_mean[:, :, None] * x_mean[:, None]
    return gram, cross, x_mean.float(), y_mean.flatten().float()


def _columns(layer: Layer, x: Tensor) -> Tensor:
    """What each weight of a row is multiplied by, float64 (groups, rows, K)."""
    if isinstance(layer, nn.Linear):
        return x.reshape(1, -1, x.shape[-1]).double()
    if x.ndim < layer.weight.ndim:
        x = x[None]
    plane = isinstance(layer, nn.Conv2d)
    padding = layer._reversed_padding_repeated_twice
    x = F.pad(x, padding, mode="constant" if layer.padding_mode == "zeros" else layer.padding_mode)
    sizes = [(size if plane else (1, *size)) for size in (layer.kernel_size, layer.dilation, layer.stride)]
    patches = F.unfold(x if plane else x[:, :, None], sizes[0], dilation=sizes[1], stride=sizes[2])
    return _by_group(patches, layer.groups)


def _outputs(layer: Layer, y: Tensor) -> Tensor:
    """What the layer gave, in rows as `_columns`, float64 (groups, rows, M / groups)."""
    if isinstance(layer, nn.Linear):
        return y.reshape(1, -1, y.shape[-1]).double()
    y = y if y.ndim == layer.weight.ndim else y[None]
    return _by_group(y.flatten(2), layer.groups)


def _by_group(values: Tensor, groups: int) -> Tensor:
    """(B, groups · k, places) → float64 (groups, B · places, k)."""
    batch, features, places = values.shape
    parts = values.reshape(batch, groups, features // groups, places).permute(1, 0, 3, 2)
    return parts.reshape(groups, batch * places, -1).double()


def _fit(layer: Layer, kept: Tensor, gram: Tensor, cross: Tensor) -> None:
    """ŵ = y·xᵀ · (x·xᵀ)⁻¹ on the columns that a row keeps; rows that keep the same are solved together."""
    rows, alive = _rows(layer), kept.reshape(_rows(layer).shape)
    for group in range(len(rows)):
        if not bool(gram[group].any()):  # inputs that never vary teach nothing
            continue
        damped = gram[group] + torch.eye(gram.shape[1]).to(gram) * DAMPING * gram[group].diagonal().mean().clamp_min(
            1e-12
        )
        for start in range(0, rows.shape[1], BLOCK):
            for part in _alike(alive[group, start : start + BLOCK]):
                columns, chosen = alive[group, start + part[0]].nonzero()[:, 0], [start + i for i in part]
                right = cross[group][chosen][:, columns].mT
                found = torch.linalg.solve(damped[columns][:, columns], right).mT
                fitted = rows.new_zeros(len(chosen), rows.shape[2])
                fitted[:, columns] = found.to(rows.dtype)
                rows[group, chosen] = fitted


def _alike(alive: Tensor) -> list[list[int]]:
    """Rows of a strip, together where they keep the same columns."""
    groups: dict[bytes, list[int]] = {}
    for place, row in enumerate(alive):
        groups.setdefault(row.cpu().numpy().tobytes(), []).append(place)
    return list(groups.values())
