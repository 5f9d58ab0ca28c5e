"""Two figures in docs/images: accuracy against bit operations and time, and what became of gates over the epochs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

IMAGES = Path(__file__).parents[2] / "docs" / "images"
# (relative BOPs %, accuracy %) of van Baalen et al. 2020, table 1, MNIST.
PUBLISHED = {"TWN": (5.74, 99.35), "LR-Net": (2.99, 99.47), "WAGE": (1.56, 99.60), "Bayesian Bits": (0.36, 99.30)}
BOPS, TIME = "relative_bops_pct", "p50_us"
AXES = {BOPS: "bit operations, % of fp32", TIME: "an image, µs"}
THRESHOLD = 0.34  # of the test-time rule
OURS, PRICED, THEIRS = "#c2410c", "#0f766e", "#475569"


def draw(results: dict[str, Any]) -> None:
    """Both figures, of what has been trained."""
    plt.switch_backend("svg")
    mpl.rcParams.update({"svg.hashsalt": "apus", "font.size": 9})
    found = {row["case"]: row for row in results["rows"] if row["metric"] == "accuracy_pct"}
    of_mnist = {case: row for case, row in found.items() if case.startswith("lenet5-mnist")}
    of_fashion = {case: row for case, row in found.items() if case.startswith("lenet5-fashion")}
    drawn = [("MNIST, LeNet-5", of_mnist, BOPS), ("Fashion-MNIST, LeNet-5, 20 epochs", of_fashion, BOPS)]
    drawn += [("The same networks on one core", of_fashion, TIME)]
    drawn = [each for each in drawn if each[1]]
    figure, panels = plt.subplots(1, len(drawn), figsize=(5 * len(drawn) + 1, 3.6), squeeze=False)
    for axes, (title, rows, x) in zip(panels[0], drawn, strict=True):
        _points(axes, rows, x)
        axes.set(xlabel=AXES[x], ylabel="test accuracy, %", title=title, xscale="log" if x == BOPS else "linear")
        if rows is of_mnist:
            _published(axes)
    _save(figure, panels[0], "bits.svg")
    if best := found.get("lenet5-mnist"):
        _history(best)


def _points(axes: Axes, found: dict[str, Any], along: str) -> None:
    for row in found.values():
        runs, name = row["detail"]["runs"], row["detail"]["setting"]
        colour = PRICED if "latency" in name else OURS if name.startswith("bb") else THEIRS
        x, y = ([run[key] for run in runs] for key in (along, "test_accuracy_pct"))
        axes.scatter(x, y, color=colour, alpha=0.4, s=14, linewidths=0)
        mean = (sum(x) / len(x), sum(y) / len(y))
        axes.scatter(*mean, color=colour, s=28, marker="s" if colour == THEIRS else "o")
        at = (5, -10) if colour == THEIRS else (5, 5)
        axes.annotate(name.replace("latency", "µs"), mean, textcoords="offset points", xytext=at, color=colour)
    axes.margins(x=0.25, y=0.15)


def _published(axes: Axes) -> None:
    for name, (bops, accuracy) in PUBLISHED.items():
        axes.scatter(bops, accuracy, marker="x", color=THEIRS)
        axes.annotate(f"{name} (published)", (bops, accuracy), textcoords="offset points", xytext=(5, 4), color=THEIRS)


def _history(row: dict[str, Any]) -> None:
    """Of the first seed: how likely 4 bits are, how many outputs are left, and the price."""
    run = row["detail"]["runs"][0]
    names = [layer["name"] for layer in run["layers"]]
    figure, panels = plt.subplots(1, 3, figsize=(12, 3.4))
    for axes, key, title in zip(
        panels, ("open_4", "kept"), ("P(4 bits or more), weights", "outputs kept"), strict=False
    ):
        for name, values in zip(names, zip(*(e[key] for e in run["history"]), strict=True), strict=True):
            axes.plot(range(1, len(values) + 1), values, label=name)
        axes.set(xlabel="epoch", title=title, ylim=(0, 1.03))
        axes.legend(frameon=False)
    panels[0].axhline(1 - THRESHOLD, color="k", linewidth=0.8, linestyle=":")
    _bits(panels[2], run["layers"])
    _save(figure, panels, "bits-layers.svg")


def _bits(axes: Axes, layers: list[dict[str, Any]]) -> None:
    at = range(len(layers))
    for shift, key, colour in ((-0.2, "weight_bits", OURS), (0.2, "input_bits", THEIRS)):
        axes.bar(
            [i + shift for i in at], [layer[key] for layer in layers], 0.4, color=colour, label=key.replace("_", " ")
        )
    axes.set_xticks(list(at), [layer["name"] for layer in layers], rotation=15)
    axes.set(title="bits at the end", yticks=[0, 2, 4, 8])
    axes.legend(frameon=False)


def _save(figure: Any, panels: Sequence[Axes], name: str) -> None:
    for axes in panels:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(IMAGES / name, metadata={"Date": None})
    plt.close(figure)
