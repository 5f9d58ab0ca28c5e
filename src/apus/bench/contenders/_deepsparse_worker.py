"""The other end of contender `deepsparse`, run by a Python that has it: no import of ours.

Lines in: `version`, `outputs`, `turn SECONDS`. Lines out: `{"answer": ...}`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def main(model: str, feed: str, results: str, threads: int) -> None:
    """Compile the model for one request of `threads` cores and answer until the input ends."""
    sys.path = [place for place in sys.path if Path(place) != Path(__file__).parent]  # our deepsparse.py is not it
    import deepsparse  # type: ignore[import-not-found]

    with np.load(feed) as archive:
        inputs = [archive[name] for name in archive.files]
    engine = deepsparse.Engine(model=model, batch_size=inputs[0].shape[0], num_cores=threads)
    for line in sys.stdin:
        verb, *rest = line.split()
        if verb == "version":
            answer: Any = deepsparse.__version__
        elif verb == "outputs":
            np.savez(results, **{str(i): array for i, array in enumerate(engine.run(inputs))})
            answer = True
        else:
            answer = turn(engine, inputs, float(rest[0]))
        print(json.dumps({"answer": answer}), flush=True)


def turn(engine: Any, inputs: "list[Any]", seconds: float) -> "list[int]":
    """As `apus.bench.turns`: settle for 5 ms, then time every run."""
    clock = time.perf_counter_ns
    taken: list[int] = []
    start = clock()
    while clock() - start < 5e6:
        engine.run(inputs, val_inp=False)
    now = clock()
    end = now + int(seconds * 1e9)
    while now < end or not taken:
        before = clock()
        engine.run(inputs, val_inp=False)
        now = clock()
        taken.append(now - before)
    return taken


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
