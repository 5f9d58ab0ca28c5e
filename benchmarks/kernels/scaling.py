"""Ours alone on one thread and on two, in turns within one run: what the second core brings.

Whether there is a second core is the host's to say: a virtual machine's two may be one core's two hyperthreads for
seconds. So each turn stands between two measurements of a loop that shares nothing, and a turn counts where both say
that two threads multiply 1.8 times as fast as one. All turns are in the detail.
"""

import time

import numpy as np

import apus
from apus.bench.results import Row, row
from apus.bench.turns import pinned
from apus.runtime import isa
from benchmarks.kernels.cases import CASES, LAYERS, Case, samples
from benchmarks.kernels.files import ours

TURNS, TWO_CORES = 15, 1.8
NAMES = tuple(
    f"{case}-cores"
    for case in (
        "linear-1024-n1-s90", "linear-1024-n1-s0", "linear-1024-n16-s90", "linear-1024-n16-s0",
        "linear-1024-n128-s90", "conv1x1-256-28-s90", "conv3x3-128-28-s90",
    )
)  # fmt: skip


def chain(name: str) -> Case:
    """The case of a name; `s0` is the dense one."""
    stem = name.removesuffix("-cores")
    return CASES[stem] if stem in CASES else CASES[stem.removesuffix("-s0") + "-s90"].at(0)


def cores() -> float:
    """How much faster two threads multiply than one."""
    from apus._native import kernels  # noqa: TID251  the kernels' own entry

    return float(kernels.cores(isa(), 2)) or 2.0  # no figure: believed


def turn(session: apus.Session, x: dict[str, np.ndarray], seconds: float) -> float:
    """Median microseconds of a layer."""
    taken, clock, start = [], time.perf_counter_ns, time.perf_counter()
    while (now := time.perf_counter() - start) < seconds + 0.005:
        before = clock()
        session.run(None, x)
        if now > 0.005:  # of settling
            taken.append(clock() - before)
    return float(np.median(taken)) / LAYERS / 1e3


def rows(name: str, seconds: float) -> list[Row]:
    """`two_cores_speedup` of a case, int8 and fp32."""
    case = chain(name)
    x, made = {"x": samples(case, 1)[0]}, []
    with pinned(2):
        for precision, path in ours(case).items():
            sessions = {t: apus.Session(path, threads=t) for t in (1, 2)}
            turns, before = [], cores()
            for _ in range(TURNS):
                us = {t: turn(s, x, seconds / TURNS) for t, s in sessions.items()}
                after = cores()
                turns.append({"cores": min(before, after), "one_us": us[1], "two_us": us[2]})
                before = after
            made.append(summary(f"{name}-{precision}", turns))
    return made


def summary(case: str, turns: list[dict[str, float]]) -> Row:
    """The median of the turns that count, or of all where none does."""
    counted = [t for t in turns if t["cores"] >= TWO_CORES] or turns
    ratios = [t["one_us"] / t["two_us"] for t in counted]
    detail = {
        "layer_us": {str(i + 1): float(np.median([t[k] for t in counted])) for i, k in enumerate(("one_us", "two_us"))}
    }
    detail |= {"turns": turns, "of_all_turns": float(np.median([t["one_us"] / t["two_us"] for t in turns]))}
    spread = {"low": min(ratios), "high": max(ratios), "runs": len(counted)}
    return row(case, "two_cores_speedup", float(np.median(ratios)), "x", **spread, detail=detail)
