"""Passes over the draft graph, one per file, each a function `run(graph)`; their order is the order of this table.

Every pass keeps the network's meaning, so each may be switched off: `compile_model(..., passes=[...])`.
"""

from collections.abc import Callable, Sequence

from apus.artifact import Graph
from apus.compile.passes import (
    cancel_requantise,
    drop_dead,
    drop_noops,
    fold_affine,
    fold_pad,
    fuse_activation,
    fuse_attention,
    fuse_composites,
    fuse_layer_norm,
    fuse_quantised,
    merge_projections,
    move_bounds,
    move_quantisation,
)
from apus.errors import CompileError

PASSES: dict[str, Callable[[Graph], None]] = {
    "drop_noops": drop_noops.run,
    "fuse_composites": fuse_composites.run,
    "fold_affine": fold_affine.run,
    "fuse_layer_norm": fuse_layer_norm.run,
    "fuse_attention": fuse_attention.run,
    "merge_projections": merge_projections.run,
    "move_bounds": move_bounds.run,
    "fuse_activation": fuse_activation.run,
    "move_quantisation": move_quantisation.run,
    "cancel_requantise": cancel_requantise.run,
    "fuse_quantised": fuse_quantised.run,
    "fold_pad": fold_pad.run,
}


def run(graph: Graph, names: Sequence[str] | None = None) -> None:
    """Run passes in the table's order, dropping dead nodes after each.

    Args:
        graph: a draft, changed in place.
        names: which passes; all by default.

    Raises:
        CompileError: a name is not in `PASSES`.
    """
    chosen = list(PASSES if names is None else names)
    unknown = [name for name in chosen if name not in PASSES]
    if unknown:
        raise CompileError(f"there is no pass {unknown[0]!r}; there are {', '.join(PASSES)}")
    drop_dead.run(graph)
    for name, step in PASSES.items():
        if name in chosen:
            step(graph)
            drop_dead.run(graph)
