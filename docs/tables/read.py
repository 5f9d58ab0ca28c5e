"""Reading a row of `benchmarks/results/*.json`, and saying it."""

from typing import Any

Results = dict[str, Any]


def value(results: Results, case: str, metric: str) -> float:
    """The one row of this case and metric."""
    return float(next(r["value"] for r in results["rows"] if (r["case"], r["metric"]) == (case, metric)))


def has(results: Results, case: str, metric: str) -> bool:
    """Whether there is such a row."""
    return any((row["case"], row["metric"]) == (case, metric) for row in results["rows"])


def detail(results: Results, case: str, metric: str) -> Results:
    """What explains the one row of this case and metric."""
    return dict(next(r["detail"] for r in results["rows"] if (r["case"], r["metric"]) == (case, metric)))


def size(count: float) -> str:
    """Bytes as a reader says them."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def measured(results: Results, why: Results | None = None, how: str = "one thread") -> str:
    """By what, how, where and when; `why` is the detail of a row that says so itself."""
    found = {"cpu": results["env"]["cpu"], "date": results["date"][:10]} | (why or {})
    return f"Measured by `{results['command']}`, {how}, on {found['cpu']}, {found['date']}."
