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


def table(rows: list[dict[str, Any]]) -> str:
    """What `describe` found, as lines to print.

    Args:
        rows: from `describe`.

    Returns:
        A head and a line per layer: shape, density and living blocks in percent, imbalance over the most partitions.

    >>> print(table([{"name": "head", "density": 1.0, "block_occupancy": 1.0, "why": "skipped by name"}]))
    layer  shape  density  blocks  imbalance
    head            100.0   100.0  dense: skipped by name
    """
    cells = [("layer", "shape", "density", "blocks", "imbalance"), *map(_cells, rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(4)]
    lines = [
        "  ".join(
            text.ljust(w) if place < 2 else text.rjust(w)
            for place, (text, w) in enumerate(zip(row, widths, strict=False))
        )
        + f"  {row[4]}"
        for row in cells
    ]
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    shape = "x".join(map(str, row.get("shape", [])))
    shares = [f"{100 * row[key]:.1f}" for key in ("density", "block_occupancy")]
    parts = row.get("imbalance", {})
    worst = f"{100 * parts[max(parts, key=int)]:.1f} % over {max(parts, key=int)}" if parts else "-"
    return row["name"], shape, shares[0], shares[1], f"dense: {row['why']}" if "why" in row else worst
