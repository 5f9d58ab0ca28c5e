"""`make bench-startup`: writes `benchmarks/results/startup.json`. Each opening is a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx

import apus
from apus.bench import row, write_results
from benchmarks.models import files

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "startup.json"
RUNS, SETTLED = 7, 5
ONE_NODE = '<ir_version: 8, opset_import: ["": 17]> m (float[1,4] x) => (float[1,4] y) { y = Relu(x) }'


def overhead() -> list[float]:
    """Microseconds of `Session.run` on a model of one node, median of each of `RUNS` rounds."""
    session, feed = apus.Session(onnx.parser.parse_model(ONE_NODE), threads=1), {"x": np.zeros((1, 4), np.float32)}
    rounds = []
    for _ in range(RUNS):
        taken = []
        for _ in range(5000):
            start = time.perf_counter_ns()
            session.run(None, feed)
            taken.append((time.perf_counter_ns() - start) / 1e3)
        rounds.append(median(taken))
    return rounds


def opened(path: Path, cache: str) -> dict[str, float]:
    """What a fresh process says; its figures of this machine are kept in the folder `cache`."""
    command = [sys.executable, "-m", "benchmarks.startup.fresh", str(path)]
    environment = os.environ | {"XDG_CACHE_HOME": cache}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def rows(path: Path) -> list[dict[str, Any]]:
    """Rows of one network: the first process, the second, and the fifth, when the machine's figures have settled."""
    starts = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as cache:
            starts.append([opened(path, cache) for _ in range(SETTLED)])
    cold, second, warm = ([each[place] for each in starts] for place in (0, 1, SETTLED - 1))
    weights = path.stat().st_size / 2**20
    beyond = [one["resident_mb"] - weights for one in warm]
    detail = {"file_mb": weights, "interpreter_mb": warm[0]["interpreter_mb"]}
    return [
        _row(path.stem, "first_result_ms", [one["first_result_ms"] for one in warm], "ms"),
        _row(path.stem, "first_result_second_ms", [one["first_result_ms"] for one in second], "ms"),
        _row(path.stem, "first_result_uncached_ms", [one["first_result_ms"] for one in cold], "ms"),
        _row(path.stem, "resident_beyond_weights_mb", beyond, "MB", detail),
    ]


def _row(case: str, metric: str, found: list[float], unit: str, detail: dict[str, Any] | None = None) -> dict[str, Any]:
    spread = {"low": min(found), "high": max(found), "runs": len(found)}
    return row(case, metric, median(found), unit, **spread, detail=detail or {})


def main() -> None:
    """Measure and write."""
    found = [_row("one-node", "python_overhead_us", overhead(), "us")]
    with tempfile.TemporaryDirectory() as folder:
        for name, model in (("minilm-64", files.fp32("minilm-64")), ("minilm-64-int8", files.int8("minilm-64"))):
            found += rows(apus.compile(model, Path(folder) / f"{name}.apus"))
    write_results(RESULTS, "startup", "make bench-startup", found, threads=1)
    for one in found:
        print(f"{one['case']:16} {one['metric']:28} {one['value']:8.1f} {one['unit']}")


if __name__ == "__main__":
    main()
