"""What can lose weights, and why the rest keeps them."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d)


@dataclass(frozen=True, eq=False)
class Stacked:
    """A matrix among several of a module, in which gates or projections stand one above the other.

    Attributes:
        module: a recurrent layer or attention.
        attribute: its name for the matrix.
        groups: gates or projections, of as many rows each.
    """

    module: nn.Module
    attribute: str
    groups: int

    @property
    def weight(self) -> Tensor:
        """The matrix (groups · rows, columns)."""
        found: Tensor = getattr(self.module, self.attribute)
        return found


Layer = nn.Linear | nn.Conv1d | nn.Conv2d
Matrix = Layer | Stacked


def prunable(model: nn.Module) -> dict[str, Matrix]:
    """All matrices of a network that can be pruned, by name.

    >>> list(prunable(nn.ModuleDict({"gru": nn.GRU(2, 4), "head": nn.Linear(4, 4)})))
    ['gru.weight_ih_l0', 'gru.weight_hh_l0', 'head']
    """
    found = dict[str, Matrix]()
    for name, module in model.named_modules():
        if isinstance(module, PRUNABLE):
            found[name] = module
        for each in _stacked(module):
            found[f"{name}.{each.attribute}" if name else each.attribute] = each
    return found


def _stacked(module: nn.Module) -> Iterator[Stacked]:
    if isinstance(module, nn.RNNBase):
        gates = {"LSTM": 4, "GRU": 3}.get(module.mode, 1)
        for name in module._flat_weights_names:
            if name.startswith("weight_"):
                yield Stacked(module, name, 1 if name.startswith("weight_hr") else gates)
    if isinstance(module, nn.MultiheadAttention):
        if module.in_proj_weight is not None:
            yield Stacked(module, "in_proj_weight", 3)
        else:
            yield from (Stacked(module, f"{part}_proj_weight", 1) for part in "qkv")


def groups_of(matrix: Matrix) -> int:
    """Ranges of rows that no block spans: groups of a convolution, gates of a recurrent layer."""
    return int(getattr(matrix, "groups", 1))


def own_weight(name: str, matrix: Matrix) -> Matrix:
    """A matrix whose zeros last.

    Args:
        name: of the matrix, for errors.
        matrix: to be pruned.

    Returns:
        The matrix.

    Raises:
        ValueError: the weight is made of others in each pass, so zeros in it would not last.
    """
    module, attribute = (matrix.module, matrix.attribute) if isinstance(matrix, Stacked) else (matrix, "weight")
    if attribute not in module._parameters:
        raise ValueError(
            f"{name}: its weight is computed from other parameters (weight_norm, spectral_norm, torch's own pruning):"
            " remove that first, or skip the layer"
        )
    return matrix


def left_dense(model: nn.Module) -> dict[str, str]:
    """What has matrices of weights and is not pruned, by name, and why.

    That are layers of other kinds, and layers whose weight another module has as well.

    >>> left_dense(nn.Sequential(nn.Embedding(2, 4), nn.Linear(4, 4)))
    {'0': 'Embedding is not pruned'}
    """
    found, owners, modules = dict[str, str](), dict[int, str](), dict(model.named_modules())
    for name, module in modules.items():
        matrices = [p for p in module.parameters(recurse=False) if p.ndim > 1]
        plain = isinstance(module, PRUNABLE)
        if matrices and not (plain or any(_stacked(module)) or "parametrizations" in name.split(".")):
            found[name] = f"{type(module).__name__} is not pruned"
        for owner in (owners[id(p)] for p in matrices if id(p) in owners):
            if plain or isinstance(modules[owner], PRUNABLE):  # of two that could be pruned the second follows
                found[name if plain else owner] = f"shares its weight with {owner if plain else name}"
        owners |= {id(p): name for p in matrices}
    return found
