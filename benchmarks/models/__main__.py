"""`make bench-models`: whole networks, batch 1, against ONNX Runtime, OpenVINO and PyTorch.

Each case is measured in a process of its own and kept under `runs/bench-models/measured`, so a run that was stopped
goes on where it was; `python -m benchmarks.models --again` starts over. `--prepare` makes the files and fills the
peers' compilation caches; `--case NAME --threads N` measures one.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from apus.bench import Measurement, compare
from apus.errors import VerificationError
from benchmarks.models import contenders, files, report
from benchmarks.models.networks import NETWORKS, SPARSE

CASES = [f"{name}-{precision}" for name, net in NETWORKS.items() for precision in net.precisions] + list(SPARSE)
THREADS = (1, 2)
MEASURED = files.FOLDER / "measured"
TOLERANCE = 0.5  # of the largest output, for peers in bf16 and int8: a guard against wrong wiring
OURS = {"fp32": 1e-4, "mlp-int8": 0, "resnet18-int8": 0, "efficientnet-lite0": 0.02, "minilm": 0.1}
"""Ours against ONNX Runtime on the same file, of the largest output: int8 sums are exact, so what differs is a step of
rounding where float32 lies between two of them (averages, attention), and what later layers make of it."""


def members(case: str) -> tuple[str, list[Any]]:
    """The network of a case, and who runs it."""
    if case in SPARSE:
        return case, contenders.sparse(case)
    name, precision = case.rsplit("-", 1)
    return name, contenders.dense(name, precision)


def allowed(case: str, label: str) -> float:
    """What `label`, one of ours, may differ by."""
    if case.endswith("-fp32") or label == "apus-fp32":
        return OURS["fp32"]
    return next(bound for name, bound in OURS.items() if case.startswith(name))


def check(case: str, found: list[Measurement]) -> None:
    """An error where one of ours is farther from its reference than allowed."""
    for one in found:
        ours = one.contender.startswith("apus")
        if ours and one.agreement and one.agreement.relative > allowed(case, one.contender):
            raise VerificationError(f"{case}: {one.contender} differs by {one.agreement.relative:.2g}")


def measure(case: str, threads: int, seconds: float) -> None:
    """Measure one case and keep it."""
    name, entered = members(case)
    found = compare(entered, files.feed(name), threads=threads, seconds=seconds, rounds=10, tolerance=TOLERANCE)
    check(case, found)
    MEASURED.mkdir(parents=True, exist_ok=True)
    rows = [one.row(case) for one in found]
    (MEASURED / f"{case}-t{threads}.json").write_text(json.dumps(rows, indent=1))
    for one in sorted(found, key=lambda m: m.p50_us):
        print(f"{case} t{threads} {one.contender:28} {one.p50_us:10.1f} us")


def prepare(case: str) -> None:
    """Make the files of a case, and let every contender compile once."""
    name, entered = members(case)
    for one in entered:
        one.load(files.feed(name), 1)()


def main() -> None:
    """Everything that is not measured yet, then the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--threads", type=int, choices=THREADS)
    parser.add_argument("--seconds", type=float, default=1.0, help="timed seconds per contender")
    parser.add_argument("--again", action="store_true", help="measure anew what is measured already")
    options = parser.parse_args()
    cases = [options.case] if options.case else CASES
    if options.prepare:
        for case in cases:
            prepare(case)
        return
    if options.case and options.threads:
        return measure(options.case, options.threads, options.seconds)
    for case in cases:
        for threads in (options.threads,) if options.threads else THREADS:
            if options.again or not (MEASURED / f"{case}-t{threads}.json").exists():
                one = ["--case", case, "--threads", str(threads), "--seconds", str(options.seconds)]
                subprocess.run([sys.executable, "-m", "benchmarks.models", *one], check=True)
    report.write(MEASURED, CASES, THREADS)


if __name__ == "__main__":
    main()
