"""`make bench-sparsity`: what 16x1 blocks cost in accuracy, with the dense teacher and without, and what they buy.

Finished runs are kept, and a killed training goes on from its checkpoint. A row stands in the results only when its
training was run to the end.
"""

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.finished import write_parts

PARTS = ("mnist", "text", "fashion", "widths", "glosses")
RESULTS = Path("benchmarks/results/sparsity.json")

if __name__ == "__main__":
    chosen = [part for part in sys.argv[1:] if part in PARTS] or list(PARTS)
    write_parts(RESULTS, "sparsity", {part: import_module(f"benchmarks.sparsity.{part}").rows for part in chosen})
