"""Which layers can lose weights, and why the others keep theirs."""

from typing import TypeVar

from torch import nn

PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d)
Layer = nn.Linear | nn.Conv1d | nn.Conv2d
L = TypeVar("L", bound=nn.Module)


def groups_of(layer: Layer) -> int:
    """Of a convolution; 1 of a linear layer."""
    return int(getattr(layer, "groups", 1))


def own_weight(name: str, layer: L) -> L:
    """A layer whose zeros last.

    Args:
        name: of the layer, for errors.
        layer: to be pruned.

    Returns:
        The layer.

    Raises:
        ValueError: the weight is made of others in each pass, so zeros in it would not last.
    """
    if "weight" not in layer._parameters:
        raise ValueError(
            f"{name}: its weight is computed from other parameters (weight_norm, spectral_norm, torch's own pruning):"
            " remove that first, or skip the layer"
        )
    return layer


def left_dense(model: nn.Module) -> dict[str, str]:
    """What has matrices of weights and is not pruned, by name, and why.

    That are layers of other kinds, and layers whose weight another module has as well.

    >>> left_dense(nn.Sequential(nn.GRU(2, 4), nn.Linear(4, 4)))
    {'0': 'GRU is not pruned'}
    """
    found, owners, modules = dict[str, str](), dict[int, str](), dict(model.named_modules())
    for name, module in modules.items():
        matrices = [p for p in module.parameters(recurse=False) if p.ndim > 1]
        plain = isinstance(module, PRUNABLE)
        if matrices and not plain and "parametrizations" not in name.split("."):
            found[name] = f"{type(module).__name__} is not pruned"
        for owner in (owners[id(p)] for p in matrices if id(p) in owners):
            if plain or isinstance(modules[owner], PRUNABLE):  # of two that could be pruned the second follows
                found[name if plain else owner] = f"shares its weight with {owner if plain else name}"
        owners |= {id(p): name for p in matrices}
    return found
