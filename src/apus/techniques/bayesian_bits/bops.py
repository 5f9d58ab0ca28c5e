"""Bit operations: multiply-accumulates times the bits of both factors, of plain networks and of learned widths.

Source: van Baalen et al. 2020, arXiv:2005.07093, §4; the credit for pruned channels is Σ b_w b_a keep_out keep_in MAC.
"""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from apus.techniques.bayesian_bits.layer import LAYERS, TRANSPOSED, BitLayer

FLOAT_BITS = 32
Seen = Callable[[str, nn.Module, Tensor, Tensor], Tensor | None]


@dataclass(frozen=True)
class LayerBits:
    """What one layer costs: its multiply-accumulates per example, the bits of both factors, the share not pruned."""

    macs: int
    weight_bits: int = FLOAT_BITS
    input_bits: int = FLOAT_BITS
    alive: float = 1.0


def relative_bops(layers: Mapping[str, LayerBits]) -> float:
    """Bit operations in percent of the same network's in 32-bit floats.

    Args:
        layers: by name.

    Returns:
        100 · Σ b_w · b_a · alive · MAC / Σ 32² · MAC.

    Raises:
        ValueError: no layer multiplies.

    Source: §4, "relative GBOPs".

    >>> relative_bops({"a": LayerBits(1000, weight_bits=8, input_bits=8)})
    6.25
    """
    macs = sum(layer.macs for layer in layers.values())
    if not macs:
        raise ValueError(f"no layer multiplies: {', '.join(layers) or 'there is none'}")
    bops = sum(layer.macs * layer.weight_bits * layer.input_bits * layer.alive for layer in layers.values())
    return 100 * bops / (macs * FLOAT_BITS**2)


def uniform(model: nn.Module, example: Tensor, weight_bits: int, input_bits: int) -> dict[str, LayerBits]:
    """A plain network as if all its layers had the same widths; the network's own input has 8 bits.

    Args:
        model: any network.
        example: one input batch (B, ...).
        weight_bits: of every layer.
        input_bits: of every layer's input but the first's.

    Returns:
        By layer name.
    """
    found = macs(model, example)
    return {name: LayerBits(n, weight_bits, input_bits if i else 8) for i, (name, n) in enumerate(found.items())}


def macs(model: nn.Module, example: Tensor) -> dict[str, int]:
    """Multiply-accumulates of each layer for one example, in the order of execution; an Embedding has none.

    What is no Linear or convolution, such as attention's own matrices and products, is not counted.

    Args:
        model: plain, or prepared.
        example: one input batch (B, ...).

    Returns:
        By layer name; a layer that runs twice counts twice.
    """
    counted: dict[str, int] = {}

    def count(name: str, module: nn.Module, x: Tensor, y: Tensor) -> None:
        layer = _bare(module)
        each = 0 if isinstance(layer, nn.Embedding) else math.prod(layer.weight.shape[1:])
        spread = x if isinstance(layer, TRANSPOSED) else y  # each input, or each output, meets so many weights
        counted[name] = counted.get(name, 0) + spread.numel() // example.shape[0] * each

    watch(model, example, count)
    return counted


def learned(model: nn.Module, example: Tensor) -> dict[str, LayerBits]:
    """A prepared network as its test-time gates leave it.

    Args:
        model: prepared by `prepare`.
        example: one input batch (B, ...), for the shapes alone.

    Returns:
        By layer name, in the order of execution; pruned outputs are credited to this layer, and to the layers that
        read them.
    """
    found, alive = macs(model, example), _alive(model, example)
    bits = dict(model.named_modules())
    return {name: LayerBits(n, *_widths(bits[name]), alive.get(name, 1.0)) for name, n in found.items()}


def _widths(module: nn.Module) -> tuple[int, int]:
    both = (module.weight_bits, module.input_bits) if isinstance(module, BitLayer) else (None, None)
    return both[0].bits() if both[0] else FLOAT_BITS, both[1].bits() if both[1] else FLOAT_BITS


def _alive(model: nn.Module, example: Tensor) -> dict[str, float]:
    """Share of each layer's products that remain.

    Which inputs are pruned is seen by running the network: every layer answers with random numbers, with zeros in its
    pruned channels, and what arrives as zeros elsewhere was pruned before. So flattening, additions, concatenations
    and pooling need no rules, and a normalisation in between, which makes zeros other numbers, costs the credit.
    """
    generator = torch.Generator().manual_seed(0)
    shares: dict[str, float] = {}

    def noise(like: Tensor) -> Tensor:
        return (1 + torch.rand(like.shape, generator=generator)).to(like)

    def answer(name: str, module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        layer = _bare(module)
        kept = module.kept() if isinstance(module, BitLayer) else None
        if not isinstance(layer, nn.Embedding):
            shares[name] = max(shares.get(name, 0.0), _share(module, x))  # a first state of zeros is not pruned
        axis = _channels(layer, y)
        return noise(y) if kept is None else noise(y) * kept.reshape([-1 if i == axis else 1 for i in range(y.ndim)])

    watch(model, noise(example) if example.is_floating_point() else example, answer)
    return shares


def _share(module: nn.Module, x: Tensor) -> float:
    """Of all products the share whose weight is kept and whose input arrives."""
    layer = _bare(module)
    alive = module.alive() if isinstance(module, BitLayer) else torch.ones(layer.weight.shape).bool()
    arrives = (x != 0).movedim(_channels(layer, x), 0).flatten(1).any(1).float()
    if isinstance(layer, TRANSPOSED):
        return (alive.float().flatten(1).mean(1) * arrives).mean().item()
    groups = int(getattr(layer, "groups", 1))
    kept = alive.float().reshape(groups, alive.shape[0] // groups, alive.shape[1], -1).mean((1, 3))
    return (kept * arrives.reshape(groups, -1)).mean().item()


def _channels(layer: nn.Module, x: Tensor) -> int:
    return x.ndim - 1 if isinstance(layer, nn.Linear | nn.Embedding) else 1


def _bare(module: nn.Module) -> Any:
    return module.layer if isinstance(module, BitLayer) else module


@torch.no_grad()
def watch(model: nn.Module, example: Tensor, seen: Seen) -> None:
    """Run a copy of a network once and look at each layer.

    Args:
        model: is not changed.
        example: one input batch (B, ...).
        seen: gets name, layer, input and output; what it returns, if anything, takes the output's place.
    """
    twin = copy.deepcopy(model).eval()
    inner = {id(m.layer) for m in twin.modules() if isinstance(m, BitLayer)}
    for name, module in twin.named_modules():
        if isinstance(module, (BitLayer, *LAYERS)) and id(module) not in inner:
            module.register_forward_hook(lambda m, x, y, name=name: seen(name, m, x[0], y))
    twin(example)
