"""How long the networks of finished runs take in the engine: does a price in µs buy more of them than one in BOPs?"""

import json
from collections import defaultdict
from typing import Any

import numpy as np
from benchmarks.bits.runs import RUNS, SETTINGS
from benchmarks.bits.train import FOLDER

from apus._files import write_atomically
from apus.bench import compare, contender
from apus.export import INPUT

TIMES = FOLDER / "times.json"


def measure() -> None:
    """Time every deployed network, all of a data set in turns, batch 1, one thread; on an idle machine."""
    found: dict[str, dict[str, float]] = {}
    for names in _deployed().values():
        made = [contender("apus", str(FOLDER / f"{name}.apus"), label=name, network=name) for name in names]
        image = {INPUT: np.random.default_rng(0).standard_normal((1, 1, 28, 28)).astype(np.float32)}
        for one in compare(made, image, threads=1, seconds=1.0, rounds=10):
            found[one.contender] = {"p50_us": one.p50_us, "low_us": one.low_us, "high_us": one.high_us}
    write_atomically(TIMES, json.dumps(found))


def times() -> dict[str, dict[str, float]]:
    """What was measured last, by run."""
    found: dict[str, dict[str, float]] = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    return found


def _deployed() -> dict[str, list[str]]:
    names: dict[str, list[Any]] = defaultdict(list)
    for run in RUNS:
        if run.setting in SETTINGS and (FOLDER / f"{run.name}.apus").exists():
            names[run.data].append(run.name)
    return names
