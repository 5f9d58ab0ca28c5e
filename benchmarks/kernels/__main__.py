"""`make bench-kernels`: writes `benchmarks/results/kernels.json`, a table and plots.

Each case is measured in a process of its own, and its rows take the place of the older ones in the file; so a run may
be cut, and `python -m benchmarks.kernels CASE ...` measures some cases anew (see `--list`). `--prepare` makes all files
first, so that what is measured later is only measured. Two threads meet the peers at 90 %.
"""

import argparse
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

from apus.bench.results import Row, write_results
from benchmarks.kernels import contest, density, files, formats, scaling
from benchmarks.kernels.cases import BLOCKS, CASES
from benchmarks.kernels.roof import roof_us

RESULTS = Path(__file__).parents[1] / "results" / "kernels.json"
DEEPSPARSE = Path(__file__).parents[2] / ".cache" / "deepsparse"  # a venv of its own
ALONE = {name: part.rows for part in (density, formats, scaling) for name in part.NAMES}  # cases without peers


def provide_deepsparse() -> None:
    """Name its Python to the contender, installing it once; where that fails the contender stays out, with a note."""
    python = DEEPSPARSE / "bin" / "python"
    if "APUS_DEEPSPARSE_PYTHON" not in os.environ:
        if not python.exists():
            venv.create(DEEPSPARSE, with_pip=True)
            pip = [str(python), "-m", "pip", "install", "-q", "--only-binary=:all:", "deepsparse==1.8.0"]
            subprocess.run(pip, env=os.environ | {"NM_DISABLE_ANALYTICS": "1"}, check=False)
        os.environ["APUS_DEEPSPARSE_PYTHON"] = str(python)


def merge(rows: list[Row]) -> None:
    """Put rows into the file, in place of those of the same case and metric."""
    old = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    new = {(r["case"], r["metric"]): r for r in rows}
    kept = [r for r in old if (r["case"], r["metric"]) not in new]
    write_results(RESULTS, "kernels", "make bench-kernels", sorted([*kept, *rows], key=lambda r: r["case"]))


def measure(name: str, seconds: float, threads: int) -> None:
    """One case, here and now."""
    if name in ALONE:
        rows = ALONE[name](name, seconds)
        merge(rows)
        return print(*(f"{r['case']:28} {r['metric']:22} {r['value']:8.2f} {r['unit']}" for r in rows), sep="\n")
    roofs = roof_us(CASES[name]) if threads == 1 else {}
    rows = contest.rows(CASES[name], threads, seconds, roofs)
    merge(rows)
    for r in rows:
        print(f"{r['case']:28} {r['metric']:22} {r['value']:8.2f} {r['unit']}  {r['detail'].get('best_peer', '')}")
    detail = rows[0]["detail"]
    print("  ", {label: round(us, 2) for label, us in sorted(detail["layer_us"].items(), key=lambda kv: kv[1])})
    print("   errors", {k: round(v, 5) for k, v in detail["errors"].items()}, "absent", detail["absent"])


def prepare(name: str) -> None:
    """The files of one case."""
    if name in CASES:
        files.ours(CASES[name])
    elif name in density.SWEEPS:
        shape, _ = density.SWEEPS[name]
        for present in density.DENSITIES:
            files.ours(shape.at(100 - present), keep=False)
    elif name in formats.CASES:
        formats.made(formats.CASES[name])
    elif name in scaling.NAMES:
        files.ours(scaling.chain(name), keep=False)


def threads_of(name: str) -> tuple[int, ...]:
    """How many threads a case is measured with, each in a process of its own."""
    return (1, 2) if name in BLOCKS and BLOCKS[name].sparsity == 90 else (1,)


def main() -> int:
    """Without a case: every one, each in its own process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[*CASES, *ALONE, []], help="all by default")
    parser.add_argument("--threads", type=int, help="1 and 2 by default")
    parser.add_argument("--seconds", type=float, default=1.0, help="timed seconds per contender")
    parser.add_argument("--prepare", action="store_true", help="only make the files")
    parser.add_argument("--list", action="store_true", help="print the cases")
    given = parser.parse_args()
    provide_deepsparse()
    if given.list:
        print(*CASES, *ALONE, sep="\n")
    elif given.prepare:
        for name in given.cases or (*CASES, *ALONE):
            prepare(name)
    elif len(given.cases) == 1 and given.threads:
        measure(given.cases[0], given.seconds, given.threads)
    else:
        for name in given.cases or (*CASES, *ALONE):
            for threads in (given.threads,) if given.threads else threads_of(name):
                command = [sys.executable, "-m", "benchmarks.kernels", name, "--threads", str(threads)]
                subprocess.run([*command, "--seconds", str(given.seconds)], check=True)
        from benchmarks.kernels.plots import draw

        draw(json.loads(RESULTS.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
