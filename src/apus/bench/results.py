"""Results: one shape for every benchmark, so that docs, README and report draw from the same JSON."""

import datetime
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apus._files import write_atomically
from apus.bench.machine import environment

Row = dict[str, Any]


def row(
    case: str,
    metric: str,
    value: float,
    unit: str,
    *,
    low: float | None = None,
    high: float | None = None,
    runs: int = 1,
    detail: dict[str, Any] | None = None,
) -> Row:
    """One measured number.

    Args:
        case: what was measured, such as `student`.
        metric: which property, such as `p50_us`.
        value: the number; finite.
        unit: its unit, such as `us`, `bytes`, `%` or `x`.
        low: lower end of its spread; `value` when absent.
        high: upper end of its spread; `value` when absent.
        runs: how many runs stand behind it.
        detail: anything that explains it.

    Returns:
        The row.

    Raises:
        ValueError: `value` is not finite.

    >>> row("student", "bytes", 52000, "bytes")["high"]
    52000
    """
    if not math.isfinite(value):
        raise ValueError(f"{case} {metric} is {value}; a result must be finite")
    return {
        "case": case,
        "metric": metric,
        "value": value,
        "unit": unit,
        "low": value if low is None else low,
        "high": value if high is None else high,
        "runs": runs,
        "detail": detail or {},
    }


def write_results(
    path: str | Path, benchmark: str, command: str, rows: Sequence[Row], *, threads: int = 1, **more: Any
) -> dict[str, Any]:
    """Write `{"benchmark", "date", "command", "env", "rows", ...}` and return it.

    Args:
        path: where the JSON goes, such as `benchmarks/results/demo.json`.
        benchmark: name of the benchmark, such as `demo`.
        command: what a reader types to get these numbers again.
        rows: made by `row`.
        threads: threads that every contender used.
        **more: further top-level keys, such as `history` or `layers` of the demo's report.

    Returns:
        The content of the file.
    """
    results: dict[str, Any] = {
        "benchmark": benchmark,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "env": environment(threads),
        "rows": list(rows),
    } | more
    write_atomically(path, json.dumps(results, indent=1, allow_nan=False) + "\n")
    return results
