"""The figure of a study: what zero blocks cost with and without the teacher, and every stage by its time."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

IMAGES = Path(__file__).parents[2] / "docs" / "images"
OURS, THEIRS = "#c2410c", "#475569"
WHO = {"teacher": (OURS, "with the teacher"), "alone": (THEIRS, "alone")}
SAID = {
    "peer-teacher": "teacher, best peer",
    "peer-teacher-int8": "teacher in int8, best peer",
    "apus-teacher": "teacher",
    "apus-student": "distilled",
    "apus-prune": "16x1 pruned",
    "apus-quantize": "int8",
}
CURVES = (
    ("sparse", True, "smaller, 80 % zero: engine", ".-"),
    ("width", True, "smaller, dense: engine", ".:"),
    ("width", False, "smaller, dense: best int8 peer", ".-"),
)
Found = dict[str, Any]


def draw(results: Found) -> None:
    """A figure for each task whose cases were trained."""
    plt.switch_backend("svg")
    mpl.rcParams.update({"svg.hashsalt": "apus", "font.size": 9})
    rows = {(row["case"], row["metric"]): row for row in results["rows"]}
    for task in ("fashion", "glosses"):
        if (f"{task}-dense", "accuracy_pct") in rows:
            _figure(rows, task)


def _figure(rows: Found, task: str) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
    _sparsities(left, rows, task)
    _stages(right, rows, task)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(IMAGES / f"sparsity-{task}.svg", metadata={"Date": None})
    plt.close(figure)


def _sparsities(axes: Axes, rows: Found, task: str) -> None:
    """Mean of the seeds, and their range, at 0, 80 and 90 % of zero blocks."""
    dense = rows[f"{task}-dense", "accuracy_pct"]
    for who, (colour, said) in WHO.items():
        pruned = [rows[f"{task}-16x1-{share}-{who}", "accuracy_pct"] for share in (80, 90)]
        points = [dense, *pruned] if who == "teacher" else pruned
        at = (0, 80, 90)[-len(points) :]
        spread = [[p["value"] - p["low"] for p in points], [p["high"] - p["value"] for p in points]]
        axes.errorbar(at, [p["value"] for p in points], spread, color=colour, marker="o", capsize=3, label=said)
    axes.axhline(rows[f"{task}-teacher", "accuracy_pct"]["value"], color="k", linewidth=0.8, linestyle=":")
    axes.set(xlabel="zero 16x1 blocks, %", ylabel="test accuracy, % (dotted: the teacher's)", title=task)
    axes.legend(frameon=False)


def _stages(axes: Axes, rows: Found, task: str) -> None:
    """Each stage in our engine, the teacher in the best peer, and smaller students in both."""
    for name, said in SAID.items():
        if row := rows.get((f"{task}-stage-{name}", "p50_us")):
            _mark(axes, row["value"], row["detail"]["accuracy_pct"], said, OURS if name.startswith("apus") else THEIRS)
    for kind, ours, said, style in CURVES:
        points = [_point(row, ours) for (case, metric), row in rows.items()
                  if case.startswith(f"{task}-{kind}-") and metric == "accuracy_pct"]  # fmt: skip
        if points:
            axes.plot(*zip(*points, strict=True), style, color=OURS if ours else THEIRS, linewidth=0.8, label=said)
            axes.legend(frameon=False, loc=(0.38, 0.22))
    axes.set(xscale="log", xlabel="one example, one thread, µs", title="every stage, and smaller students; grey: peers")
    axes.margins(x=0.3, y=0.15)


def _point(row: Found, ours: bool) -> tuple[float, float]:
    us = row["detail"]["us"]
    if isinstance(us, dict):
        us = us["apus" if ours else row["detail"]["best_peer"]]
    return us, row["value"]


def _mark(axes: Axes, x: float, y: float, said: str, colour: str) -> None:
    axes.scatter(x, y, color=colour, s=24)
    below = colour == OURS or said == SAID["peer-teacher"]
    side, dx = ("right", -5) if colour == THEIRS and below else ("left", 5)
    axes.annotate(said, (x, y), textcoords="offset points", xytext=(dx, -11 if below else 4), ha=side, color=colour)
