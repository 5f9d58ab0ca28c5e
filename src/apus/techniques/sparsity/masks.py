"""Which weights live: chosen by magnitude, held through training, stored with every checkpoint."""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from apus.errors import NothingMatchedError
from apus.techniques.sparsity.balance import finest, keep_balanced, partitions
from apus.techniques.sparsity.blocks import BLOCK, block_scores, block_sizes, check_share, keep_largest, spread
from apus.techniques.sparsity.gates import check_gates, keep_by_gate
from apus.techniques.sparsity.prunable import Matrix, groups_of, left_dense, own_weight, prunable
from apus.techniques.sparsity.targets import global_shares

WIDTHS = {"16x1": 1, "16x4": 4}
STRUCTURES = (*WIDTHS, "unstructured")
TARGETS = ("layer", "global")


class Masks:
    """Which weights of a network are alive; put back after every optimiser step, stored with every checkpoint.

    Args:
        model: the network; its weights are changed in place.
        structure: one of `STRUCTURES`; a 16x4 block is four 16x1 blocks side by side, which the engine skips as well.
        skip: name patterns of layers to keep dense.
        levels: name pattern → sparsity relative to the schedule's (1 is the same), the first match counts; what goes
            beyond 1 in all is refused.
        target: `layer` makes every layer equally sparse, but for the block that each keeps below 1; `global` ranks the
            blocks of all layers together.
        balance: keep equally many blocks in each of 8 partitions of a layer's strips (4, 2 where it has fewer strips).
        gates: name pattern → relative sparsity of each gate that such a layer stacks, in equal shares of its rows.

    Attributes:
        layers: what is pruned, by name: linear layers and convolutions, and of recurrent layers and attention each
            matrix, as `gru.weight_hh_l0`; all have a `weight`.
        dense: what has weights and is not, and why.

    Raises:
        NothingMatchedError: no layer can be pruned, or a pattern matches none, or levels or gates none that is pruned.
        ValueError: structure or target is unknown, two options contradict each other, rows are no such gates, or a
            layer's weight is computed anew in each pass, as by `weight_norm`.
    """

    layers: dict[str, Matrix]
    dense: dict[str, str]

    def __init__(
        self,
        model: nn.Module,
        structure: str = "16x1",
        *,
        skip: Sequence[str] = (),
        levels: Mapping[str, float] | None = None,
        target: str = "layer",
        balance: bool = False,
        gates: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        check_options(structure, target, levels, balance, gates)
        layers = prunable(model)
        for pattern in [*skip, *(levels or {}), *(gates or {})]:
            if not fnmatch.filter(layers, pattern):
                raise NothingMatchedError(f"{pattern!r} matches no layer; there are {', '.join(layers) or 'none'}")
        self.structure, self.levels, self.sparsity = structure, dict(levels or {}), 0.0
        self.target, self.balance = target, balance
        self.dense = left_dense(model)
        self.dense |= {name: why for name, layer in layers.items() if (why := self._too_small(name, layer, skip))}
        self.layers = {name: own_weight(name, layer) for name, layer in layers.items() if name not in self.dense}
        for pattern in [*(levels or {}), *(gates or {})]:
            if self.layers and not fnmatch.filter(self.layers, pattern):
                dense = "; ".join(f"{name}: {self.dense[name]}" for name in fnmatch.filter(layers, pattern))
                raise NothingMatchedError(f"{pattern!r} matches only what stays dense: {dense}")
        if not self.layers:
            kept = "; ".join(f"{name}: {why}" for name, why in self.dense.items())
            raise NothingMatchedError(f"nothing to prune: {kept or 'no linear, convolutional or recurrent layer'}")
        self.gates = {n: g for n in self.layers for p, g in (gates or {}).items() if fnmatch.fnmatch(n, p)}
        for name, each in self.gates.items():
            matrix, blocks = self.layers[name], structure in WIDTHS
            check_gates(name, len(matrix.weight), each, blocks=blocks and len(each) != groups_of(matrix))
        self.kept = {name: torch.ones_like(layer.weight, dtype=torch.bool) for name, layer in self.layers.items()}

    def _too_small(self, name: str, layer: Matrix, skip: Sequence[str]) -> str:
        rows = layer.weight.shape[0] // groups_of(layer)
        if any(fnmatch.fnmatch(name, pattern) for pattern in skip):
            return "skipped by name"
        if self.structure in WIDTHS and rows < BLOCK:
            return f"{rows} outputs per group, a block has {BLOCK}"
        return ""

    def blocks(self, name: str, values: Tensor) -> Tensor:
        """Mean |value| of each block of a layer, (groups, strips, columns); unstructured: of 16x1 blocks."""
        return block_scores(values, groups_of(self.layers[name]), WIDTHS.get(self.structure, 1))

    def scores(self, name: str, values: Tensor) -> Tensor:
        """Mean |value| of what lives or dies together in a layer: blocks, or single weights in the weight's shape."""
        return self.blocks(name, values) if self.structure in WIDTHS else values.detach().abs()

    def alive(self, name: str) -> Tensor:
        """Who lives, bool, in the shape of `scores`."""
        return self.scores(name, self.kept[name].float()) > 0

    def cuts(self, name: str) -> list[slice]:
        """Ranges of rows of the scores that keep equally many blocks: partitions if balanced, gates, else all."""
        rows = len(self.alive(name).flatten(0, -2))
        if name in self.gates:
            return partitions(rows, len(self.gates[name]))
        return partitions(rows, finest(rows)) if self.balance else [slice(None)]

    def put(self, name: str, kept: Tensor) -> None:
        """Take up a choice in the shape of `scores`; weights follow with the next `apply`."""
        weight, width = self.layers[name].weight, WIDTHS.get(self.structure)
        self.kept[name].copy_(spread(kept, weight, width) if width else kept)

    @torch.no_grad()
    def update(self, sparsity: float, values: Mapping[str, Tensor] | None = None) -> None:
        """Choose anew which weights live, by magnitude.

        Args:
            sparsity: share to be zero, 0..1.
            values: layer → what to rank in place of its weights, of their shape.

        Raises:
            ValueError: the sparsity, or that of a layer by its level, is out of its range.
        """
        self.sparsity = check_share(sparsity)
        values = values or {name: layer.weight for name, layer in self.layers.items()}
        scores = {name: self.scores(name, each) for name, each in values.items()}
        for name, share in self._shares(scores, sparsity).items():
            self.put(name, self._keep(name, scores[name], share))
        self.apply()

    def _keep(self, name: str, scores: Tensor, share: float) -> Tensor:
        if name in self.gates:
            return keep_by_gate(scores, [min(1.0, gate * share) for gate in self.gates[name]])
        keep = keep_balanced if self.balance else keep_largest
        return keep(scores, share, self._sizes(name).expand_as(scores) if self.target == "layer" else None)

    def _shares(self, scores: Mapping[str, Tensor], sparsity: float) -> dict[str, float]:
        if self.target == "global":
            return global_shares(scores, {name: self._sizes(name).expand_as(s) for name, s in scores.items()}, sparsity)
        levels = {n: next((v for p, v in self.levels.items() if fnmatch.fnmatch(n, p)), 1.0) for n in self.layers}
        return {name: check_share(level * sparsity, f"{name}: sparsity") for name, level in levels.items()}

    def _sizes(self, name: str) -> Tensor:
        layer, width = self.layers[name], WIDTHS.get(self.structure)
        return block_sizes(layer.weight, groups_of(layer), width) if width else torch.ones_like(layer.weight)

    @torch.no_grad()
    def apply(self) -> None:
        """Set every dead weight to 0; call it after each optimiser step."""
        for name, layer in self.layers.items():
            layer.weight.mul_(self.kept[name])

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        return {"sparsity": self.sparsity, "structure": self.structure, "kept": self.kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint's masks.

        Args:
            state: from `state_dict`.

        Raises:
            ValueError: they are of another structure, or of other layers.
        """
        structure, found = state.get("structure", self.structure), state["kept"]
        if structure != self.structure:
            raise ValueError(f"the masks are of {structure}, not of {self.structure}")
        shapes, wanted = ({name: tuple(m.shape) for name, m in kept.items()} for kept in (found, self.kept))
        if shapes != wanted:
            apart = sorted({name for name, _ in shapes.items() ^ wanted.items()})
            raise ValueError(f"the masks are of other layers than this network's: {', '.join(apart)}")
        self.sparsity = state["sparsity"]
        for name, kept in self.kept.items():
            kept.copy_(found[name])


def check_options(structure: str, target: str, levels: object, balance: bool, gates: object) -> None:
    """Refuse options that contradict each other, for which no network need be known.

    Args:
        structure: as of `Masks`, and so are the others.
        target: of the shares.
        levels: of layers.
        balance: over partitions.
        gates: of layers.

    Raises:
        ValueError: names two that do not go together, or one that there is not.
    """
    if structure not in STRUCTURES:
        raise ValueError(f"structure {structure!r}: the engine executes {', '.join(STRUCTURES)}")
    if target not in TARGETS:
        raise ValueError(f"target {target!r}: there are {', '.join(TARGETS)}")
    if target == "global" and (levels or gates):
        raise ValueError(
            "levels are relative to a layer's sparsity, as gates are; with target='global' use skip, or target='layer'"
        )
    if balance and gates:
        raise ValueError("gates have their own shares of rows, so balance=True cannot hold over partitions: choose one")
    if balance and structure not in WIDTHS:
        raise ValueError("balance counts blocks; with structure='unstructured' there are none, so choose 16x1 or 16x4")
