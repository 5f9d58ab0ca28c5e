"""Small vector drawings: axes, ticks and marks that take their colours from the page's style."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps numbers from `low` to `high` onto pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of `value`."""
        low, high, v = (math.log10(x) if self.logarithmic else x for x in (self.low, self.high, value))
        return self.start + (v - low) / ((high - low) or 1) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers within the axis."""
        if not self.logarithmic:
            return _linear_ticks(self.low, self.high, most)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in (range(1, 10), (1, 2, 5), (1, 3), (1,)):
            ticks = [s * 10.0**d for d in decades for s in steps if self.low <= s * 10.0**d <= self.high]
            if len(ticks) <= most + 1:
                break
        return ticks if len(ticks) > 1 else _linear_ticks(self.low, self.high, most)


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    raw = (high - low) / most or 1.0
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(s * magnitude for s in (1, 2, 2.5, 5, 10) if s * magnitude >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round((first + i) * step, 10) for i in range(int((high - first * step) / step + 1e-9) + 1)]


def around(values: Sequence[float], margin: float = 0.12, *, logarithmic: bool = False) -> tuple[float, float]:
    """Ends of an axis that shows all `values` with some room.

    Args:
        values: at least one.
        margin: share of the span on each side.
        logarithmic: whether the room is a factor.

    Returns:
        The two ends.
    """
    if logarithmic:
        low, high = math.log10(min(values)), math.log10(max(values))
        room = max(margin * (high - low), 0.08)
        return 10 ** (low - room), 10 ** (high + room)
    low, high = min(values), max(values)
    room = margin * (high - low) or abs(high) * 0.01 or 1.0
    return low - room, high + room


def drawing(width: float, height: float, title: str, parts: Sequence[str]) -> Markup:
    """A whole drawing, scaled to the page's width, with a title for screen readers."""
    return Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>').format(
        width, height, title, Markup("").join(Markup(part) for part in parts)
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words at a place; `kind` is a class of the style."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" class="{kind}"/>'


def circle(x: float, y: float, radius: float, kind: str, hint: str = "") -> str:
    """A disc; `hint` shows under the pointer."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="{kind}"><title>{escape(hint)}</title></circle>'


def grid(x: Axis, y: Axis, x_format: str, y_format: str, *, most_x: int = 6, most_y: int = 5) -> list[str]:
    """Grid lines with numbers, for a chart with `x` along and `y` up."""
    parts = []
    for tick in y.ticks(most_y):
        parts.append(line(x.start, y(tick), x.end, y(tick), "grid"))
        parts.append(text(x.start - 8, y(tick) + 4, y_format.format(tick), "tick", "end"))
    for tick in x.ticks(most_x):
        parts.append(text(x(tick), y.start + 18, x_format.format(tick), "tick", "middle"))
        parts.append(line(x(tick), y.start, x(tick), y.start + 4, "axis"))
    return [*parts, line(x.start, y.start, x.end, y.start, "axis")]
