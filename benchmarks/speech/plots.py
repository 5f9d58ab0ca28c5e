"""The ladder's figure in docs/images: the real-time factor of every rung."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

IMAGES = Path(__file__).parents[2] / "docs" / "images"
RUNGS = ("0", "1", "2", "3", "4", "5", "6", "7a", "7b", "8")


def draw(results: dict[str, Any]) -> None:
    """A bar a rung, on a logarithmic scale; real time is a line."""
    plt.switch_backend("svg")
    mpl.rcParams.update({"svg.hashsalt": "apus", "font.size": 11})
    rows = {r["case"]: r for r in results["rows"] if r["metric"] == "rtf"}
    found = [rows[f"ladder-{rung}"] for rung in RUNGS]
    figure, axes = plt.subplots(figsize=(7.2, 3.8))
    colours = ["#475569"] * 3 + ["#c2410c"] * (len(found) - 3)
    bars = axes.barh(range(len(found)), [r["value"] for r in found], color=colours, alpha=0.8)
    axes.bar_label(bars, [f"{r['value']:.3g}" for r in found], padding=3, fontsize=9)
    axes.set_yticks(
        range(len(found)), labels=[f"{n}  {r['detail']['name']}" for n, r in zip(RUNGS, found, strict=True)]
    )
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("seconds of computing for a second of speech")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(IMAGES / "speech.svg", metadata={"Date": None})
