"""What a pruned network looks like."""

from typing import Any

from apus.techniques.sparsity.balance import PARTITIONS, imbalance
from apus.techniques.sparsity.masks import Masks


def describe(masks: Masks) -> list[dict[str, Any]]:
    """What each layer looks like now, from its weights themselves.

    Args:
        masks: of the network.

    Returns:
        A row per layer: name, shape, density and block occupancy in 0..1, imbalance (of block structures: partitions →
        max / mean − 1 of living blocks, for those of 2, 4 and 8 that the layer has strips for), and why it is dense,
        if it is.
    """
    dense = {"density": 1.0, "block_occupancy": 1.0}
    return [_row(masks, name) for name in masks.layers] + [
        {"name": name, **dense, "why": why} for name, why in masks.dense.items()
    ]


def _row(masks: Masks, name: str) -> dict[str, Any]:
    weight = masks.layers[name].weight.detach()
    blocks = masks.blocks(name, (weight != 0).float()) > 0
    row: dict[str, Any] = {"name": name, "shape": list(weight.shape), "density": (weight != 0).float().mean().item()}
    row["block_occupancy"] = blocks.float().mean().item()
    if masks.structure != "unstructured":
        strips = blocks.shape[0] * blocks.shape[1]
        row["imbalance"] = {str(count): imbalance(blocks, count) for count in PARTITIONS if count <= strips}
    return row
