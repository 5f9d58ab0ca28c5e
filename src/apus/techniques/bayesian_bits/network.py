"""A prepared network as a whole: the price of its widths, their end, and what they came to.

Source: van Baalen et al. 2020, arXiv:2005.07093, §2.
"""

from typing import Any

import torch
from torch import Tensor, nn

from apus.errors import NothingMatchedError
from apus.techniques.bayesian_bits.gates import Gates, probability
from apus.techniques.bayesian_bits.layer import BitLayer
from apus.techniques.bayesian_bits.quantizer import Quantizer


def penalty(model: nn.Module) -> Tensor:
    """The price of the gates that are likely on, Σ_k cost_k / max cost · Σ_b b · Π_{j≤b} q_j; add μ times it to a loss.

    Args:
        model: prepared.

    Returns:
        A scalar ≥ 0, k running over weights and inputs alike.

    Raises:
        NothingMatchedError: the network is not prepared.

    Source: §2.
    """
    layers = bit_layers(model)
    most, total = max(layer.cost for layer in layers.values()) or 1.0, torch.zeros(())
    for layer in layers.values():
        kept = probability(layer.keep.phi).mean() if layer.keep is not None else 1.0
        weight = layer.weight_bits.expected_bits(kept, layer.steps) if layer.weight_bits is not None else 0.0
        arrives = layer.input_bits.expected_bits(1.0, layer.steps) if layer.input_bits is not None else 0.0
        total = layer.cost / most * (weight + arrives) + total.to(layer.layer.weight.device)
    return total


def freeze(model: nn.Module) -> None:
    """Decide every gate by the test-time rule; training goes on with fixed widths, as the paper's fine-tuning does.

    Args:
        model: prepared; changed in place.

    Source: §2 (rule), §4.2 (fine-tuning).
    """
    for layer in bit_layers(model).values():
        for gates in (m for m in layer.modules() if isinstance(m, Gates)):
            gates.freeze()


def describe(model: nn.Module) -> list[dict[str, Any]]:
    """What the test-time gates leave of each layer.

    Args:
        model: prepared.

    Returns:
        A row per layer: name, shape, weight_bits and input_bits (0 if all outputs are pruned, 32 is float), outputs and
        how many of them are kept, and q(z > 0) of the gates 4, 8, 16, 32 of the weight.
    """
    rows = []
    for name, layer in bit_layers(model).items():
        alive, both = layer.kept(), (layer.weight_bits, layer.input_bits)
        kept = int(alive.sum())
        weight_bits, input_bits = (q.bits() if q is not None else 32 for q in both)
        on = probability(both[0].gates.phi).tolist() if both[0] is not None else []
        row = {"name": name, "shape": list(layer.layer.weight.shape), "outputs": len(alive), "kept": kept, "gates": on}
        rows.append(row | {"weight_bits": weight_bits if kept else 0, "input_bits": input_bits if kept else 0})
    return rows


def bit_layers(model: nn.Module) -> dict[str, BitLayer]:
    """The prepared layers by name.

    Args:
        model: prepared.

    Returns:
        At least one.

    Raises:
        NothingMatchedError: the network is not prepared.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, BitLayer)}
    if not layers:
        raise NothingMatchedError("no layer has learned widths: call prepare first")
    return layers


def parameter_groups(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Parameters by the optimiser that the paper gives them; none of them should decay.

    Args:
        model: prepared.

    Returns:
        "weights", "gates" and "ranges".

    Source: §4.1.
    """
    gates = [m.phi for m in model.modules() if isinstance(m, Gates) and m.phi.requires_grad]
    ranges = [m.beta for m in model.modules() if isinstance(m, Quantizer)]
    special = {id(p) for p in [*gates, *ranges, *(m.phi for m in model.modules() if isinstance(m, Gates))]}
    weights = [p for p in model.parameters() if id(p) not in special]
    return {"weights": weights, "gates": gates, "ranges": ranges}
