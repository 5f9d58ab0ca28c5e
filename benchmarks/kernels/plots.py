"""Two figures in docs/images: speedups over the best peer, and time over density."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.kernels.cases import BLOCKS, SHAPES
from benchmarks.kernels.density import DENSITIES

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def draw(results: dict[str, Any]) -> None:
    """Both figures, of what has been measured."""
    plt.switch_backend("svg")
    mpl.rcParams.update({"svg.hashsalt": "apus", "font.size": 9})
    values = {(r["case"], r["metric"]): r["value"] for r in results["rows"]}
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    names = [name for name in BLOCKS if (name, "speedup_vs_best_peer") in values]
    left.barh(names[::-1], [values[name, "speedup_vs_best_peer"] for name in names[::-1]], color="#c2410c", alpha=0.8)
    left.axvline(1, color="k", linewidth=0.8)
    left.set_xlabel("times as fast as the best peer, any precision, one thread")
    for color, shape in enumerate(SHAPES):
        for precision, style in (("int8", "-"), ("fp32", ":")):
            stem = shape.name.rsplit("-s", 1)[0] + "-" + precision
            times = [t for d in DENSITIES if (t := values.get((f"{stem}-d{d}", "layer_us")))]
            if len(times) == len(DENSITIES):
                shares = [t / times[-1] for t in times]
                right.plot(DENSITIES, shares, style, color=f"C{color}", marker="o", markersize=3, label=stem)
    right.axhline(1.1, color="k", linewidth=0.8, linestyle=":")
    right.set_xlabel("blocks present, %")
    right.set_ylabel("time, dense = 1")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(IMAGES / "kernels.svg", metadata={"Date": None})
