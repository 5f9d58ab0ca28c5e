"""Gradual magnitude pruning, of single weights or of 16x1 blocks: 16 consecutive outputs that share one input column.

Source: Kalchbrenner et al., "Efficient Neural Audio Synthesis", 2018, arXiv:1802.08435, §3 (schedule, block score);
Zhu, Gupta, "To prune, or not to prune", 2017, arXiv:1710.01878, Eq. (1) (the same cubic).
"""

import fnmatch
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apus.errors import NothingMatchedError

BLOCK = 16
STRUCTURES = ("16x1", "unstructured")
PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d)
Layer = nn.Linear | nn.Conv1d | nn.Conv2d


def cubic(step: int, *, begin: int, end: int, final: float) -> float:
    """Sparsity at a step, z = Z · (1 - (1 - (t - t0) / S)³): fast while much is redundant, then slow.

    Args:
        step: t.
        begin: t0; before it nothing is pruned.
        end: t0 + S; from it on the sparsity is final.
        final: Z in 0..1.

    Returns:
        Share of weights to be zero, 0..Z.

    Source: 1802.08435 §3.1.

    >>> [round(cubic(t, begin=10, end=20, final=0.8), 3) for t in (10, 15, 20)]
    [0.0, 0.7, 0.8]
    """
    if step >= end:
        return final
    left = 1 - max(0, step - begin) / max(1, end - begin)
    return final * (1 - left**3)


def block_scores(weight: Tensor, groups: int = 1) -> Tensor:
    """Mean |w| of each 16x1 block.

    Args:
        weight: (M, ...), K = product of the other dimensions; the columns of a convolution are (channel, tap).
        groups: of the convolution; a block never spans two.

    Returns:
        (groups, ⌈M / groups / 16⌉, K); a last, smaller strip averages over the rows it has.

    Source: 1802.08435 §3.2.
    """
    rows = weight.detach().abs().reshape(groups, weight.shape[0] // groups, -1)
    M = rows.shape[1]
    strips = F.pad(rows, (0, 0, 0, -M % BLOCK)).reshape(groups, -1, BLOCK, rows.shape[2])
    heights = weight.new_full((strips.shape[1],), BLOCK)
    heights[-1] = M - BLOCK * (strips.shape[1] - 1)
    scores: Tensor = strips.sum(2) / heights[:, None]
    return scores


def spread(kept: Tensor, weight: Tensor) -> Tensor:
    """Spread a decision per block over the block's weights.

    Args:
        kept: bool (groups, strips, K), as `block_scores`.
        weight: (M, ...).

    Returns:
        Bool mask of the weight's shape.
    """
    rows = kept.repeat_interleave(BLOCK, 1)[:, : weight.shape[0] // kept.shape[0]]
    return rows.reshape(weight.shape)


def keep_largest(scores: Tensor, sparsity: float) -> Tensor:
    """Keep the largest scores, so that round(sparsity · n) are dropped; the lower index wins a tie.

    Args:
        scores: any shape, n of them.
        sparsity: share to drop, 0..1.

    Returns:
        Bool, of the same shape.

    >>> keep_largest(torch.tensor([3.0, 1.0, 2.0, 4.0]), 0.5).tolist()
    [True, False, False, True]
    """
    keep = torch.ones(scores.numel(), dtype=torch.bool, device=scores.device)
    order = torch.argsort(scores.flatten(), descending=True, stable=True)
    keep[order[scores.numel() - round(sparsity * scores.numel()) :]] = False
    return keep.reshape(scores.shape)


class Masks:
    """Which weights of a network are alive; put back after every optimiser step, stored with every checkpoint.

    Args:
        model: the network; its weights are changed in place.
        structure: one of `STRUCTURES`.
        skip: name patterns of layers to keep dense.
        levels: name pattern → sparsity relative to the schedule's (1 is the same), the first match counts.

    Raises:
        NothingMatchedError: no layer can be pruned, or a pattern matches no layer.
        ValueError: the structure is unknown.
    """

    def __init__(
        self,
        model: nn.Module,
        structure: str = "16x1",
        *,
        skip: Sequence[str] = (),
        levels: Mapping[str, float] | None = None,
    ) -> None:
        if structure not in STRUCTURES:
            raise ValueError(f"structure {structure!r}: the engine executes {' and '.join(STRUCTURES)}")
        layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, PRUNABLE)}
        for pattern in [*skip, *(levels or {})]:
            if not fnmatch.filter(layers, pattern):
                raise NothingMatchedError(f"{pattern!r} matches no layer; there are {', '.join(layers) or 'none'}")
        self.structure, self.levels, self.sparsity = structure, dict(levels or {}), 0.0
        self.dense = {name: why for name, layer in layers.items() if (why := self._too_small(name, layer, skip))}
        self.layers = {name: layer for name, layer in layers.items() if name not in self.dense}
        if not self.layers:
            kept = "; ".join(f"{name}: {why}" for name, why in self.dense.items())
            raise NothingMatchedError(f"nothing to prune: {kept or 'no Linear, Conv1d or Conv2d'}")
        self.kept = {name: torch.ones_like(layer.weight, dtype=torch.bool) for name, layer in self.layers.items()}

    def _too_small(self, name: str, layer: Layer, skip: Sequence[str]) -> str:
        rows = layer.weight.shape[0] // int(getattr(layer, "groups", 1))
        if any(fnmatch.fnmatch(name, pattern) for pattern in skip):
            return "skipped by name"
        if self.structure == "16x1" and rows < BLOCK:
            return f"{rows} outputs per group, a block has {BLOCK}"
        return ""

    @torch.no_grad()
    def update(self, sparsity: float) -> None:
        """Choose anew which weights live, by magnitude, each layer for itself.

        Args:
            sparsity: share to be zero, 0..1.
        """
        self.sparsity = sparsity
        for name, layer in self.layers.items():
            level = next((v for p, v in self.levels.items() if fnmatch.fnmatch(name, p)), 1.0)
            share = min(1.0, level * sparsity)
            if self.structure == "16x1":
                groups = getattr(layer, "groups", 1)
                kept = spread(keep_largest(block_scores(layer.weight, groups), share), layer.weight)
            else:
                kept = keep_largest(layer.weight.abs(), share)
            self.kept[name].copy_(kept)
        self.apply()

    @torch.no_grad()
    def apply(self) -> None:
        """Set every dead weight to 0; call it after each optimiser step."""
        for name, layer in self.layers.items():
            layer.weight.mul_(self.kept[name])

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        return {"sparsity": self.sparsity, "kept": self.kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint's masks."""
        self.sparsity = state["sparsity"]
        for name, kept in self.kept.items():
            kept.copy_(state["kept"][name])


def describe(masks: Masks) -> list[dict[str, Any]]:
    """What each layer looks like now, from its weights themselves.

    Args:
        masks: of the network.

    Returns:
        A row per layer: name, shape, density and block occupancy in 0..1, and why it is dense, if it is.
    """
    rows = []
    for name, layer in masks.layers.items():
        alive = layer.weight.detach() != 0
        blocks = block_scores(alive.float(), getattr(layer, "groups", 1)) > 0
        density, occupancy = alive.float().mean().item(), blocks.float().mean().item()
        rows.append({"name": name, "shape": list(alive.shape), "density": density, "block_occupancy": occupancy})
    return rows + [
        {"name": name, "density": 1.0, "block_occupancy": 1.0, "why": why} for name, why in masks.dense.items()
    ]


def parameters_alive(model: nn.Module) -> tuple[int, int]:
    """Count the non-zero and all weights and biases of a network."""
    alive = sum(int(torch.count_nonzero(p)) for p in model.parameters())
    return alive, sum(math.prod(p.shape) for p in model.parameters())


def hold_zeros(model: nn.Module) -> Callable[[], None]:
    """Remember which weights are zero now, so that later training cannot revive them.

    Args:
        model: sparse already; a layer without zeros is left alone.

    Returns:
        Puts the zeros back; call it after each optimiser step.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, PRUNABLE)]
    held = [(layer, layer.weight.detach() != 0) for layer in layers if bool((layer.weight == 0).any())]

    @torch.no_grad()
    def put_back() -> None:
        for layer, alive in held:
            layer.weight.mul_(alive)

    return put_back
