"""Plots of the results: fresh reads and steps against e, batch size, shuffling, wall-clock over its prediction."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

Rows = list[dict[str, Any]]


def draw(rows: Rows, folder: Path) -> None:
    """Write echo-*.svg into a folder, for those parts that have rows."""
    mpl.rcParams["svg.hashsalt"] = "apus"  # the same rows, the same file
    named = {row["case"]: row for row in rows}
    if "baseline-b64" in named:
        _reads(named, folder / "echo-fresh-reads.svg")
        _settings(named, folder / "echo-settings.svg")
    if any(row["detail"].get("part") == "wallclock" for row in rows):
        _wallclock([r for r in rows if r["detail"].get("part") == "wallclock"], folder / "echo-wallclock.svg")
    if any(row["metric"] == "step_error_pct" for row in rows):
        _steps([r for r in rows if r["metric"] == "step_error_pct"], folder / "echo-step-time.svg")


def _reads(named: dict[str, Any], path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    for place in ("before", "after", "batch"):
        found = [(e, named.get(f"fresh-{place}-e{e}")) for e in (2, 4, 8)]
        points = [(1, 1.0, 1.0, 1.0)] + [(e, r["value"], r["low"], r["high"]) for e, r in found if r]
        x, y, low, high = zip(*points, strict=True)
        bars = [[a - b for a, b in zip(y, low, strict=True)], [b - a for a, b in zip(y, high, strict=True)]]
        left.errorbar(x, y, bars, marker="o", capsize=3, label=place)
        right.plot(x, [e * v for e, v in zip(x, y, strict=True)], marker="o", label=place)
    for axes, title in ((left, "fresh reads to target"), (right, "steps to target")):
        axes.set(xlabel="echo factor", ylabel="relative to no echo", title=title, xscale="log")
        axes.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
        axes.minorticks_off()
        axes.legend()
    _save(figure, path)


def _settings(named: dict[str, Any], path: Path) -> None:
    cases = [
        "fresh-before-e4", "fresh-before-e4-shuffle1024", "fresh-before-e4-shuffle0",
        "fresh-before-e4-b32", "fresh-before-e4-b256", "fresh-batch-e4-b32", "fresh-batch-e4", "fresh-batch-e4-b256",
    ]  # fmt: skip
    found = [named[case] for case in cases if case in named]
    figure, axes = plt.subplots(figsize=(7, 3.2))
    axes.barh([r["case"].removeprefix("fresh-") for r in found], [r["value"] for r in found], color="#4477aa")
    axes.invert_yaxis()
    axes.set(xlabel="fresh reads to target, relative to no echo at that batch size")
    _save(figure, path)


def _wallclock(rows: Rows, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(5.5, 3.4))
    names = [r["case"].removeprefix("wallclock-") for r in rows]
    axes.bar(names, [r["value"] for r in rows], color="#4477aa", label="measured")
    axes.plot(names, [r["detail"]["predicted_speedup"] for r in rows], "k_", markersize=24, label="predicted")
    axes.set(ylabel="speed-up to the same accuracy")
    axes.legend()
    _save(figure, path)


def _steps(rows: Rows, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(4.2, 3.8))
    wanted = [1e3 * r["detail"]["wanted_seconds"] for r in rows]
    axes.plot([0, max(wanted)], [0, max(wanted)], "k-", linewidth=0.8, label="max(t_a/e, t_b, t_d)")
    axes.plot(wanted, [1e3 * r["detail"]["seconds"] for r in rows], "o", label="measured")
    axes.set(xlabel="predicted ms per step", ylabel="measured ms per step")
    axes.legend()
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
