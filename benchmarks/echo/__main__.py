"""`make bench-echo`: all parts, or those named; finished runs are kept in runs/echo, so it goes on where it stopped.

`python -m benchmarks.echo quality text decode` are studies of accuracy, which a busy machine only slows;
`steps wallclock loaders` and the timed half of `decode` are timings, which want a quiet one.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

from apus.bench.results import write_results
from benchmarks.echo import plots

PARTS = ("steps", "loaders", "quality", "text", "wallclock", "decode")
RESULTS, IMAGES = Path("benchmarks/results/echo.json"), Path("docs/images")


def main(parts: list[str]) -> None:
    """Measure the parts, keep the other parts' rows, write the results and draw them."""
    before = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    rows = [r for r in before if r["detail"].get("part") not in parts]
    for part in parts:
        made = import_module(f"benchmarks.echo.{part}").rows()
        rows += [r | {"detail": r["detail"] | {"part": part}} for r in made]
        write_results(RESULTS, "echo", "make bench-echo", rows)
    plots.draw(rows, IMAGES)


if __name__ == "__main__":
    main([part for part in sys.argv[1:] if part in PARTS] or list(PARTS))
