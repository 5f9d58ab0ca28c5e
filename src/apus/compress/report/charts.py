"""The report's charts: the stages in accuracy, latency and size; training; the Pareto front of a search."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from apus.compress.report.svg import Axis, around, circle, drawing, grid, line, path, text

Entry = dict[str, Any]
COLOURS = {"teacher": "teacher", "student": "student", "prune": "prune", "quantize": "quantize", "bits": "quantize"}
NAMES = {
    "teacher": "teacher",
    "student": "distilled",
    "prune": "pruned",
    "quantize": "quantised",
    "bits": "learned bits",
}

WIDTH, HEIGHT = 720.0, 380.0


def stages_chart(stages: Sequence[Entry]) -> Markup | None:
    """Accuracy over latency; the area of a disc is the size of the file. None without the figures."""
    shown = [s for s in stages if s.get("accuracy_pct") is not None and s.get("p50_us")]
    if not shown:
        return None
    x = Axis(*around([s["p50_us"] for s in shown], 0.16, logarithmic=True), 62, WIDTH - 24, logarithmic=True)
    y = Axis(*_per_cent([s["accuracy_pct"] for s in shown], 0.35), HEIGHT - 46, 50)
    largest = max(s["bytes"] for s in shown)
    spots = [(x(s["p50_us"]), y(s["accuracy_pct"]), 7 + 37 * math.sqrt(s["bytes"] / largest)) for s in shown]
    parts = grid(x, y, "{:,g}", "{:g} %")
    parts.append(path([(cx, cy) for cx, cy, _ in spots], "road"))
    for stage, (cx, cy, radius) in zip(shown, spots, strict=True):
        hint = f"{stage['accuracy_pct']:.2f} %, {stage['p50_us']:,.1f} µs, {stage['bytes']:,} bytes"
        parts.append(circle(cx, cy, radius, f"disc {COLOURS.get(stage['stage'], '')}", hint))
        parts.append(circle(cx, cy, 3, f"dot {COLOURS.get(stage['stage'], '')}", hint))
    parts += _labels(shown, spots)
    parts.append(text(WIDTH - 24, HEIGHT - 8, "latency of one image, µs (logarithmic)", "label", "end"))
    return drawing(WIDTH, HEIGHT, "accuracy over latency of each stage; discs show file size", parts)


def _per_cent(values: Sequence[float], margin: float) -> tuple[float, float]:
    """Ends of an axis of shares: nothing is above 100 %."""
    low, high = around(values, margin)
    return low, min(high, 100.0)


def _labels(stages: Sequence[Entry], spots: Sequence[tuple[float, float, float]]) -> list[str]:
    """Name and size at the first side of each disc where they cover neither a disc nor another label."""
    parts, taken = [], [(cx - r, cy - r, cx + r, cy + r) for cx, cy, r in spots]
    for stage, spot in zip(stages, spots, strict=True):
        words = [str(NAMES.get(stage["stage"], stage["stage"])), size(stage["bytes"])]
        width = 7.5 * max(len(word) for word in words)
        box, anchor = next(
            ((box, anchor) for box, anchor in _sides(*spot, width) if _free(box, taken)), next(_sides(*spot, width))
        )
        taken.append(box)
        x = {"start": box[0], "end": box[2], "middle": (box[0] + box[2]) / 2}[anchor]
        parts.append(text(x, box[1] + 13, words[0], "name", anchor))
        parts.append(text(x, box[1] + 28, words[1], "tick", anchor))
    return parts


Box = tuple[float, float, float, float]


def _sides(cx: float, cy: float, radius: float, width: float) -> Iterator[tuple[Box, str]]:
    """Boxes right of, left of, below and above a disc, and how words stand in them."""
    gap, half, height = radius + 7, width / 2, 32.0
    yield (cx + gap, cy - height / 2, cx + gap + width, cy + height / 2), "start"
    yield (cx - gap - width, cy - height / 2, cx - gap, cy + height / 2), "end"
    yield (cx - half, cy + gap - 3, cx + half, cy + gap - 3 + height), "middle"
    yield (cx - half, cy - gap - height, cx + half, cy - gap), "middle"


def _free(box: Box, taken: Sequence[Box]) -> bool:
    inside = box[0] > 56 and box[2] < WIDTH and box[1] > 0 and box[3] < HEIGHT - 40
    return inside and all(
        box[2] < other[0] or other[2] < box[0] or box[3] < other[1] or other[3] < box[1] for other in taken
    )


def size(count: float) -> str:
    """Bytes for people.

    >>> size(52_400), size(3_200_000)
    ('52.4 kB', '3.20 MB')
    """
    if count < 1000:
        return f"{count:.0f} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.2f} MB"


def training_chart(history: dict[str, list[Entry]], key: str, unit: str) -> Markup | None:
    """One quantity over the epochs of each stage, stages one after another. None when none recorded it.

    Args:
        history: per stage what was recorded, one entry per epoch.
        key: `loss`, `accuracy_pct` or another key of the entries.
        unit: behind each number of the axis.

    Returns:
        The drawing.
    """
    runs = {stage: [e for e in entries if e.get(key) is not None] for stage, entries in history.items()}
    runs = {stage: entries for stage, entries in runs.items() if entries}
    if not runs:
        return None
    width, height = 520.0, 260.0
    lengths = {stage: max(e["epoch"] for e in entries) for stage, entries in runs.items()}
    x = Axis(0, sum(lengths.values()) or 1, 58, width - 12)
    values = _without_outliers([e[key] for entries in runs.values() for e in entries])
    y = Axis(*(_per_cent(values, 0.08) if unit else around(values, 0.08)), height - 40, 22)
    parts, begin = grid(x, y, "{:g}", "{:g}" + unit), 0.0
    for stage, entries in runs.items():
        points = [(x(begin + e["epoch"]), min(max(y(e[key]), y.end), y.start)) for e in entries]
        if begin:
            parts.append(line(x(begin), y.start, x(begin), y.end, "grid"))
        parts.append(path(points, f"curve {COLOURS.get(stage, '')}"))
        parts += [
            circle(*point, 2.5, f"dot {COLOURS.get(stage, '')}", f"{e[key]:.4g}")
            for point, e in zip(points, entries, strict=True)
        ]
        parts.append(text(x(begin + lengths[stage] / 2), 14, NAMES.get(stage, stage), "tick", "middle"))
        begin += lengths[stage]
    parts.append(text(width - 12, height - 6, "epochs", "label", "end"))
    return drawing(width, height, f"{key} over the epochs of each stage", parts)


def _without_outliers(values: Sequence[float]) -> list[float]:
    """The first epochs of a training would flatten all that follows: the axis leaves out the farthest tenth."""
    ordered = sorted(values)
    cut = len(ordered) // 20
    return ordered[cut : len(ordered) - cut]


def front_chart(trials: Sequence[Entry]) -> Markup | None:
    """Every trial of a search, accuracy over latency, with the front drawn through. None without trials.

    Args:
        trials: with `accuracy_pct`, `p50_us`, `bytes` and `front`, whether no other is better in everything.

    Returns:
        The drawing.
    """
    if not trials:
        return None
    x = Axis(*around([t["p50_us"] for t in trials], logarithmic=True), 62, WIDTH - 24, logarithmic=True)
    y = Axis(*_per_cent([t["accuracy_pct"] for t in trials], 0.2), HEIGHT - 46, 16)
    front = sorted((t for t in trials if t["front"]), key=lambda t: t["p50_us"])
    parts = grid(x, y, "{:,g}", "{:g} %")
    parts.append(path([(x(t["p50_us"]), y(t["accuracy_pct"])) for t in front], "curve student"))
    for trial in sorted(trials, key=lambda t: t["front"]):
        hint = (
            f"trial {trial['number']}: {trial['accuracy_pct']:.2f} %, {trial['p50_us']:,.1f} µs, {size(trial['bytes'])}"
        )
        kind = "dot student" if trial["front"] else "dot teacher"
        parts.append(circle(x(trial["p50_us"]), y(trial["accuracy_pct"]), 6 if trial["front"] else 4, kind, hint))
    parts.append(text(WIDTH - 24, HEIGHT - 8, "latency, µs (logarithmic)", "label", "end"))
    return drawing(WIDTH, HEIGHT, "accuracy over latency of every trial, with the Pareto front", parts)
