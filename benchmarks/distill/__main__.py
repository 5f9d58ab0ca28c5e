"""`make bench-distill`: what a teacher is worth, by the experiments of the published systems.

`python -m benchmarks.distill mnist …` trains the parts named, else all. Finished runs are kept in runs/distill, and a
killed training goes on from its checkpoint. A row stands in the results only when its training was run to the end.
"""

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.finished import write_parts

PARTS = ("mnist", "fashion", "g2p", "pitch", "clipart", "glosses")
RESULTS = Path("benchmarks/results/distill.json")

if __name__ == "__main__":
    chosen = [part for part in sys.argv[1:] if part in PARTS] or list(PARTS)
    write_parts(RESULTS, "distill", {part: import_module(f"benchmarks.distill.{part}").rows for part in chosen})
