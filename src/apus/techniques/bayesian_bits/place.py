"""Where the quantisers and gates go: on every layer's weight, input and outputs."""

import copy
import fnmatch
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from apus.errors import NothingMatchedError
from apus.techniques.bayesian_bits.apart import opened
from apus.techniques.bayesian_bits.bops import macs, watch
from apus.techniques.bayesian_bits.curves import curves_of, quantise_curves
from apus.techniques.bayesian_bits.gates import Gates
from apus.techniques.bayesian_bits.grids import WIDTHS
from apus.techniques.bayesian_bits.layer import BitLayer, gates_of, output_axis
from apus.techniques.bayesian_bits.quantizer import Quantizer, forced

_NEVER = (nn.RNNBase, nn.RNNCellBase, nn.Conv3d, nn.ConvTranspose3d, nn.Bilinear, nn.EmbeddingBag)
AT_8 = sum(width for width in WIDTHS if width <= 8)


@dataclass(frozen=True)
class Widths:
    """How the widths of a kind of tensor are found.

    Attributes:
        start: φ of the gates z4, z8, z16, z32 at first; the paper's for LeNet-5, where 8 bits are the start.
        learn: whether the gates move.
        per_channel: a range for each output channel of a weight.
    """

    start: tuple[float, ...] = (6.0, 6.0, -6.0, -6.0)
    learn: bool = True
    per_channel: bool = False


def fixed(bits: int, *, per_channel: bool = False) -> Widths:
    """One width for all tensors, as plain quantisation-aware training has it; their ranges are still learned.

    Args:
        bits: 2, 4, 8, 16 or 32.
        per_channel: a range for each output channel of a weight.

    Returns:
        For `prepare`.

    Raises:
        ValueError: there is no such width.
    """
    return Widths(forced(bits), learn=False, per_channel=per_channel)


def prepare(
    model: nn.Module,
    example: Tensor,
    *,
    weights: Widths | None = Widths(),
    inputs: Widths | None = Widths(),
    prune: float | None = 6.0,
    skip: Sequence[str] = (),
    unpruned: Sequence[str] | None = None,
    blocks: bool = False,
    costs: Mapping[str, float | Sequence[float]] | None = None,
    curves: Sequence[str] = (),
) -> nn.Module:
    """A copy of a network whose layers learn their widths. Fold batch normalisations into their layers before.

    The paper's whole is the default; quantise only: `prune=None`; prune only: `weights=fixed(8), inputs=fixed(8)`;
    plain training at one width: both fixed, and `prune=None`. A layer quantises its own input: behind a ReLU and a
    pooling maximum that is the same as to quantise what the layer before gave. The network's input has 8 bits.

    Args:
        model: any network with Linear, convolution, transposed convolution, GRU, LSTM, MultiheadAttention or
            Embedding layers; is not changed.
        example: one input batch (B, ...); sets the first ranges.
        weights: widths of the weights; None leaves them float.
        inputs: widths of the layers' inputs; None leaves them float.
        prune: φ of every gate that prunes, at first; None prunes nothing.
        skip: name patterns of layers that stay float and whole.
        unpruned: name patterns of layers that keep all outputs; None: the layer that runs last.
        blocks: prune 16x1 blocks, which the engine skips, in the place of output channels, which are cut out.
        costs: name pattern → what a bit costs in that layer, or the µs that it takes at 2, 4, 8, 16 and 32 bits; the
            first match counts, no match costs nothing. Default: its multiply-accumulates, and an Embedding's values
            read.
        curves: name patterns of GELU, SiLU, Tanh and other curves whose input gets 8 bits, for the engine's tables.

    Returns:
        The copy, in training mode.

    Raises:
        NothingMatchedError: no layer runs, or a pattern matches none.
        ValueError: the network is prepared already or not float32, the example not finite, or a cost is neither one
            number nor five above 0.

    Source: §2 and §4.1.

    >>> model = prepare(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), torch.rand(16, 4))
    >>> model[0].weight_bits.bits(), model[0].keep.phi.shape
    (8, torch.Size([8]))
    """
    for name, widths in (("weights", weights), ("inputs", inputs)):
        if not isinstance(widths, Widths | None):
            raise ValueError(f"{name}={widths!r}; give Widths(), fixed({widths!r}) or None")
    model = opened(copy.deepcopy(model))
    order = _order(model, example)
    chosen = [name for name in order if not _matches(name, _checked(skip, order))]
    whole = _checked(order[-1:] if unpruned is None else unpruned, order)
    if not chosen:
        raise NothingMatchedError(f"all of {', '.join(order) or 'no'} layers are skipped: there is nothing to quantise")
    _checked([*(costs or {})], order)
    bent = [name for name in curves_of(model) if _matches(name, _checked(curves, list(curves_of(model)), "curve"))]
    examples, price = _examples(model, example, order), _prices(model, example) if costs is None else costs
    quantise_curves(model, example, bent)
    for name in chosen:
        layer: Any = model.get_submodule(name)
        channel = output_axis(layer) if weights and weights.per_channel else None
        how = fixed(8) if name == order[0] and inputs else inputs
        gates = () if prune is None or _matches(name, whole) else gates_of(layer, blocks)
        wrapped = BitLayer(
            layer,
            Quantizer(layer.weight, weights.start, learn=weights.learn, per_channel=channel) if weights else None,
            Quantizer(examples[name], how.start, learn=how.learn) if how and name in examples else None,
            Gates(torch.full(gates, prune)) if gates and prune is not None else None,
            *_priced(name, next((cost for pattern, cost in price.items() if fnmatch.fnmatch(name, pattern)), 0.0)),
        )
        model = _replaced(model, layer, wrapped.to(layer.weight.device))
    if left := [name for name, module in model.named_modules() if isinstance(module, _NEVER)]:
        warnings.warn(f"left in float32: {', '.join(left)}, for which there are no quantisers", stacklevel=2)
    return model.train()


def _priced(name: str, cost: float | Sequence[float]) -> tuple[float, Sequence[float] | None]:
    """Cost and steps of a `BitLayer`; µs by width cost at 8 bits what the 2 + 4 + 8 of the paper would."""
    if not isinstance(cost, Sequence):
        if not (math.isfinite(cost) and cost >= 0):
            raise ValueError(f"{name}: cost {cost!r} must be 0 or more")
        return cost, None
    if len(cost) != len(WIDTHS) or not all(math.isfinite(each) and each > 0 for each in cost):
        raise ValueError(f"{name}: cost {cost!r} must be a number, or µs above 0 at {', '.join(map(str, WIDTHS))} bits")
    at_8 = cost[WIDTHS.index(8)]
    more = [max(0.0, after - before) for before, after in pairwise([0.0, *cost])]  # a wider one may measure faster
    return at_8, tuple(AT_8 / at_8 * step for step in more)


def _order(model: nn.Module, example: Tensor) -> list[str]:
    """Names of the layers that can be wrapped, as they run; attention reads its output layer's weight past forward."""
    names: dict[str, None] = {}

    def note(name: str, module: nn.Module, _x: Tensor, _y: Tensor) -> None:
        if isinstance(module, BitLayer):
            raise ValueError(f"{name!r} has learned widths already: prepare the float network")
        if not isinstance(module, NonDynamicallyQuantizableLinear):
            names[name] = None

    watch(model, example, note)
    return list(names)


def _examples(model: nn.Module, example: Tensor, order: Sequence[str]) -> dict[str, Tensor]:
    """What each layer got, an embedding's indices aside."""
    found: dict[str, Tensor] = {}

    def note(name: str, _module: nn.Module, x: Tensor, _y: Tensor) -> None:
        if name in order and x.is_floating_point():
            if x.dtype != torch.float32:
                raise ValueError(
                    f"{name!r} computes in {x.dtype}; prepare the float32 network, and train under autocast"
                )
            ends = torch.stack([x.min(), x.max()])  # all that a range needs
            if not ends.isfinite().all():
                raise ValueError(f"{name!r} gets NaN or infinite numbers from this example: it has no range")
            found[name] = torch.cat([found[name], ends]) if name in found else ends

    watch(model, example, note)
    return found


def _prices(model: nn.Module, example: Tensor) -> dict[str, float]:
    prices: dict[str, float] = {name: float(n) for name, n in macs(model, example).items()}

    def read(name: str, module: nn.Module, _x: Tensor, y: Tensor) -> None:
        if isinstance(module, nn.Embedding):
            prices[name] += y.numel() / example.shape[0]

    watch(model, example, read)
    return prices


def _replaced(model: nn.Module, layer: nn.Module, wrapped: nn.Module) -> nn.Module:
    """The network with a layer wrapped wherever it stands; a network may be one layer, or hold it twice."""
    for parent in [m for m in model.modules() if m is not wrapped]:
        for leaf in [leaf for leaf, child in parent._modules.items() if child is layer]:
            setattr(parent, leaf, wrapped)
    return wrapped if model is layer else model


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _checked(patterns: Sequence[str], names: Sequence[str], kind: str = "layer") -> Sequence[str]:
    if isinstance(patterns, str):
        raise ValueError(f"{patterns!r}: give a list of patterns, [{patterns!r}]")
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise NothingMatchedError(f"{pattern!r} matches no {kind}; there are {', '.join(names) or 'none'}")
    return patterns
