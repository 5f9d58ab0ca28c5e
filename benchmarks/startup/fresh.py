"""In a fresh process: open an `.apus` file, run it once, and print what that took, as JSON."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from apus.runtime import Session


def resident() -> float:
    """Megabytes of this process in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def main(path: str) -> None:
    """Symbolic dimensions become 1; integers are ones."""
    before, start = resident(), time.perf_counter()
    session = Session(path, threads=1)
    opened = time.perf_counter()
    kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
    feed = {
        v.name: np.ones([d if isinstance(d, int) else 1 for d in v.shape], kinds[v.type]) for v in session.get_inputs()
    }
    session.run(None, feed)
    done = time.perf_counter()
    took = {"open_ms": 1e3 * (opened - start), "first_result_ms": 1e3 * (done - start)}
    print(json.dumps(took | {"interpreter_mb": before, "resident_mb": resident()}))


if __name__ == "__main__":
    main(sys.argv[1])
