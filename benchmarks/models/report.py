"""From the measurements of each case to `benchmarks/results/models.json`, a table and a plot."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apus.bench import row, write_results

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "models.json"
PLOT = ROOT / "docs" / "images" / "models.svg"

Rows = list[dict[str, Any]]


HELPED = "apus+ort"  # ours with ONNX Runtime allowed: rows of its own


def ratios(case: str, threads: int, found: Rows) -> Rows:
    """The rows of one case: ours against the best peer, and against ONNX Runtime; natively, and with its help."""
    alone = [one for one in found if one["detail"]["contender"] != HELPED]
    helped = [one for one in found if one["detail"]["contender"] == HELPED or not _is_ours(one)]
    rows = _ratios(case if threads == 1 else f"{case}-t{threads}", threads, alone)
    if not any(map(_is_ours, helped)):
        return rows
    return rows + _ratios(f"{case}+ort" if threads == 1 else f"{case}-t{threads}+ort", threads, helped)


def _is_ours(one: dict[str, Any]) -> bool:
    return str(one["detail"]["contender"]).startswith("apus")


def _ratios(name: str, threads: int, found: Rows) -> Rows:
    times = {one["detail"]["contender"]: one for one in found}
    ours = min((one for name, one in times.items() if name.startswith("apus")), key=lambda one: one["value"])
    peers = {name: one for name, one in times.items() if not name.startswith("apus")}
    best = min(peers.values(), key=lambda one: one["value"])
    theirs = min((one for name, one in peers.items() if name.startswith("onnxruntime")), key=lambda one: one["value"])
    detail = {
        "threads": threads,
        "apus": ours["detail"]["contender"],
        "best_peer": best["detail"]["contender"],
        "apus_us": ours["value"],
        "peers_us": {name: one["value"] for name, one in peers.items()},
        "relative_error": {
            name: (one["detail"]["agreement"] or {}).get("relative", 0.0) for name, one in times.items()
        },
    }
    rivals = {"speedup_vs_best_peer": best, "speedup_vs_onnxruntime": theirs}
    return [_ratio(name, metric, rival, ours, detail) for metric, rival in rivals.items()]


def _ratio(case: str, metric: str, rival: dict[str, Any], ours: dict[str, Any], detail: dict[str, Any]) -> Any:
    spread = {"low": rival["low"] / ours["high"], "high": rival["high"] / ours["low"], "runs": ours["runs"]}
    return row(case, metric, rival["value"] / ours["value"], "x", **spread, detail=detail)


def write(measured: Path, cases: Sequence[str], threads: Sequence[int]) -> None:
    """Write the JSON, print the table, draw the plot."""
    rows: Rows = []
    for count in threads:
        for case in cases:
            path = measured / f"{case}-t{count}.json"
            if path.exists():
                rows += ratios(case, count, json.loads(path.read_text()))
    results = write_results(RESULTS, "models", "make bench-models", rows, threads=1)
    print(table(results["rows"]))
    plot(results["rows"])


def table(rows: Rows) -> str:
    """Markdown: one line per case."""
    lines = ["| case | Apus, µs | best peer, µs | against it |", "|---|---|---|---|"]
    for one in rows:
        if one["metric"] == "speedup_vs_best_peer":
            d = one["detail"]
            peer = f"{d['peers_us'][d['best_peer']]:.0f} ({d['best_peer']})"
            lines.append(f"| {one['case']} | {d['apus_us']:.0f} ({d['apus']}) | {peer} | {one['value']:.2f}x |")
    return "\n".join(lines)


def plot(rows: Rows) -> None:
    """Bars of the ratio on one thread, with a line at 1."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    shown = [r for r in rows if r["metric"] == "speedup_vs_best_peer" and r["detail"]["threads"] == 1]
    shown = [r for r in shown if not r["case"].endswith("+ort")]
    figure, axes = pyplot.subplots(figsize=(7, 0.34 * len(shown) + 1))
    names, values = [r["case"] for r in shown], [r["value"] for r in shown]
    spread = [[r["value"] - r["low"] for r in shown], [r["high"] - r["value"] for r in shown]]
    axes.barh(names, values, xerr=spread, color="#3b6ea5", error_kw={"linewidth": 0.8})
    axes.axvline(1, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("speed against the best peer, one thread (higher is better)")
    figure.tight_layout()
    figure.savefig(PLOT, metadata={"Date": None})
