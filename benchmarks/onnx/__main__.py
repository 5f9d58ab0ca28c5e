"""`make bench-onnx`: writes `benchmarks/results/onnx.json` and `docs/operators.md`.

Cases run in processes of their own, so that one that kills its process counts as wrong and the rest goes on.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from apus.bench.results import Row, row, write_results
from benchmarks.onnx.operators import page
from benchmarks.onnx.suite import KINDS

ROOT = Path(__file__).parents[2]
Record = dict[str, Any]


def collect(kind: str) -> list[Record]:
    """Verdicts of all cases of a kind; a case that kills the process is wrong."""
    records: list[Record] = []
    while True:
        command = [sys.executable, "-m", "benchmarks.onnx.suite", kind, str(len(records))]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        records += [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode == 0:
            return records
        print(done.stderr[-2000:], file=sys.stderr)
        killed = f"its process ended with {done.returncode}"
        records.append({"name": "?", "operator": "?", "native": "wrong", "why": killed, "shared": "wrong", "alone": ""})


def rows(kind: str, records: list[Record]) -> list[Row]:
    """The figures of one kind; `detail` counts the refusals by operator."""
    native = Counter(record["native"] for record in records)
    shared, alone = (Counter(record[who] for record in records) for who in ("shared", "alone"))
    wrong = [r["name"] for r in records if r["native"] == "wrong"]
    ours = [r["name"] for r in records if r["shared"] == "wrong" and "wrong" not in (r["native"], r["alone"])]
    theirs = [r["name"] for r in records if r["shared"] == r["alone"] == "wrong" and r["native"] != "wrong"]
    refused = Counter(r["operator"] for r in records if r["native"] == "refused")
    by_operator = {"refused_by_operator": dict(sorted(refused.items()))}
    return [
        row(kind, "total", len(records), "tests"),
        row(kind, "native_pass", native["right"], "tests", detail=by_operator),
        row(kind, "with_onnxruntime_pass", shared["right"], "tests"),
        row(kind, "with_onnxruntime_wrong", len(ours), "tests", detail={"names": ours}),
        row(kind, "with_onnxruntime_wrong_as_it_is_alone", len(theirs), "tests", detail={"names": theirs}),
        row(kind, "onnxruntime_alone_pass", alone["right"], "tests", detail={"wrong": alone["wrong"]}),
        row(kind, "wrong", len(wrong), "tests", detail={"names": wrong}),
    ]


def main() -> int:
    """Run all kinds, or those named."""
    kinds = sys.argv[1:] or list(KINDS)
    records = {kind: collect(kind) for kind in kinds}
    result = [r for kind in kinds for r in rows(kind, records[kind])]
    for r in result:
        print(f"{r['case']:20} {r['metric']:24} {r['value']:6}")
    if kinds == list(KINDS):
        write_results(ROOT / "benchmarks" / "results" / "onnx.json", "onnx", "make bench-onnx", result)
        (ROOT / "docs" / "operators.md").write_text(page([r for kind in kinds for r in records[kind]]))
    return sum(int(r["value"]) for r in result if r["metric"] in ("wrong", "with_onnxruntime_wrong"))


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
