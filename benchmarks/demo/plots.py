"""The demo's figure in docs/images: accuracy against latency, from teacher to student."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import NullLocator

IMAGES = Path(__file__).parents[2] / "docs" / "images"
OFFSETS = {
    "teacher, ONNX Runtime": (-20, -34),
    "int8, best peer": (12, -26),
    "distilled, Apus": (-100, 8),
    "pruned 16x1, Apus": (8, 10),
    "int8, Apus": (8, 8),
}


def marks(results: dict[str, Any]) -> list[tuple[str, float, float, float, str]]:
    """(name, microseconds, percent, bytes, colour): two networks in the best peer, and each later stage in Apus."""
    of_teacher = {row["metric"]: row["value"] for row in results["rows"] if row["case"] == "teacher"}
    teacher = (of_teacher[metric] for metric in ("p50_us", "accuracy_pct", "bytes"))
    names = {"student": "distilled, Apus", "prune": "pruned 16x1, Apus", "quantize": "int8, Apus"}
    stages = [s for s in results["stages"] if s["stage"] in names]
    ours = [(names[s["stage"]], s["p50_us"], s["accuracy_pct"], s["bytes"], "#c2410c") for s in stages]
    peer = next(r["detail"] for r in results["rows"] if r["metric"] == "speedup_vs_dense_int8_peer")
    last = stages[-1]
    dense = (peer["peers_us"][peer["best_peer"]], last["accuracy_pct"], last["onnx_bytes"], "#475569")
    return [("teacher, ONNX Runtime", *teacher, "#475569"), ("int8, best peer", *dense), *ours]


def draw(results: dict[str, Any]) -> None:
    """Accuracy against latency, the area of a mark in proportion to the file's size."""
    plt.switch_backend("svg")
    mpl.rcParams.update({"svg.hashsalt": "apus", "font.size": 11})
    figure, axes = plt.subplots(figsize=(7.2, 3.6))
    for name, x, y, count, colour in marks(results):
        axes.scatter(x, y, s=max(30, count / 3e3), color=colour, alpha=0.75, linewidths=0)
        axes.annotate(
            f"{name}\n{count / 1e6:.2f} MB", (x, y), textcoords="offset points", xytext=OFFSETS[name], fontsize=9
        )
    axes.set_xscale("log")
    axes.set_xticks([20, 50, 100, 200, 500], labels=["20", "50", "100", "200", "500"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.25, y=0.35)
    axes.set_xlabel("latency, µs (batch 1, one thread, p50)")
    axes.set_ylabel("test accuracy, %")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(IMAGES / "demo.svg", metadata={"Date": None})
