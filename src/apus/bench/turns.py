"""Time several contenders on the same inputs, threads and CPUs, in turns, after their outputs agree."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from apus.bench.agreement import agreement
from apus.bench.measurement import Agreement, Measurement, measurement
from apus.bench.protocol import Array, Contender, Inputs, Runner
from apus.errors import ApusError, RunError, VerificationError

ROUNDS = 15
WARM_UP_RUNS = 50
WARM_UP_SECONDS = 0.5
SETTLE_SECONDS = 0.005
"""Start of each turn that is not timed: caches fill again, and the spinning threads of the previous contender sleep."""


def compare(
    contenders: Sequence[Contender],
    inputs: Inputs,
    *,
    threads: int = 1,
    seconds: float = 3.0,
    rounds: int = ROUNDS,
    tolerance: float = 0.1,
) -> list[Measurement]:
    """Measure the latency of each contender on `inputs`, interleaved round robin.

    Contenders with the same `network` are compared with the first of them before anything is timed; different
    networks (a teacher and its student) are only timed. All run on the same `threads` CPUs.

    Args:
        contenders: at least one; make them with `apus.bench.contender`. Labels must differ.
        inputs: one array per model input, batch first.
        threads: intra-op threads of every contender, 1 or more; also the number of CPUs they are pinned to.
        seconds: timed seconds per contender, over all rounds.
        rounds: turns per contender; their medians give the spread.
        tolerance: largest allowed max|a-b| / max|b| within one network. Generous by default: int8 beside fp32.

    Returns:
        One measurement per contender, in the order given.

    Raises:
        RunError: fewer CPUs are usable than `threads`, labels repeat, or an engine refuses the model.
        VerificationError: two contenders of one network disagree by more than `tolerance`.
    """
    labels = [contender.label for contender in contenders]
    if len(set(labels)) != len(labels) or not labels:
        raise RunError(f"contenders need distinct labels, got {labels}")
    with pinned(threads):
        runners = [_loaded(contender, inputs, threads) for contender in contenders]
        agreements = _agree(contenders, runners, tolerance)
        for runner in runners:
            _warm_up(runner)
        times = _interleave(runners, seconds / rounds, rounds)
    batch = _batch(inputs)
    return [
        measurement(
            rounds_of, contender=c.label, network=c.network, batch=batch, agreement=agreed, settings=c.settings()
        )
        for c, rounds_of, agreed in zip(contenders, times, agreements, strict=True)
    ]


def _loaded(contender: Contender, inputs: Inputs, threads: int) -> Runner:
    try:
        return contender.load(inputs, threads)
    except ApusError:
        raise
    except Exception as error:  # engines have errors of their own, without a common base
        raise RunError(f"{contender.label} cannot load {contender.network!r}: {error}") from error


@contextmanager
def pinned(threads: int) -> Iterator[list[int]]:
    """Pin the calling thread, and every thread it then starts, to the first `threads` usable CPUs.

    Args:
        threads: how many CPUs, 1 or more.

    Raises:
        RunError: fewer CPUs are usable.
    """
    if not hasattr(os, "sched_setaffinity"):  # not Linux: the system offers no pinning
        yield []
        return
    before = os.sched_getaffinity(0)
    if not 1 <= threads <= len(before):
        raise RunError(f"threads={threads}, but {len(before)} CPUs are usable here; ask for 1 to {len(before)}")
    cpus = sorted(before)[:threads]
    os.sched_setaffinity(0, cpus)
    try:
        yield cpus
    finally:
        os.sched_setaffinity(0, before)


def _agree(contenders: Sequence[Contender], runners: Sequence[Runner], tolerance: float) -> list[Agreement | None]:
    references: dict[str, tuple[str, list[Array]]] = {}
    agreements: list[Agreement | None] = []
    for contender, runner in zip(contenders, runners, strict=True):
        outputs = [np.array(array) for array in runner()]
        reference, expected = references.setdefault(contender.network, (contender.label, outputs))
        if reference == contender.label:
            agreements.append(None)
            continue
        agreed = agreement(outputs, expected, reference=reference)
        if agreed.relative > tolerance:
            raise VerificationError(
                f"{contender.label} and {reference} run {contender.network!r} but differ by {agreed.relative:.2g} "
                f"of the largest output (allowed {tolerance:.2g}); nothing was timed"
            )
        agreements.append(agreed)
    return agreements


def _warm_up(runner: Runner) -> None:
    end, runs = time.perf_counter() + WARM_UP_SECONDS, 0
    while runs < WARM_UP_RUNS or time.perf_counter() < end:
        runner()
        runs += 1


def _interleave(runners: Sequence[Runner], seconds: float, rounds: int) -> list[list[Array]]:
    times: list[list[Array]] = [[] for _ in runners]
    for turn in range(rounds):
        for place in range(len(runners)):
            which = (place + turn) % len(runners)  # nobody always follows the same neighbour's caches
            times[which].append(_turn(runners[which], seconds))
    return times


def _turn(runner: Runner, seconds: float) -> Array:
    if hasattr(runner, "turn"):  # in a process of its own, where it is timed
        remote: Array = runner.turn(seconds)
        return remote
    clock = time.perf_counter_ns
    start = clock()
    while clock() - start < SETTLE_SECONDS * 1e9:
        runner()
    taken: list[int] = []
    now = clock()
    end = now + int(seconds * 1e9)
    while now < end or not taken:
        before = clock()
        runner()
        now = clock()
        taken.append(now - before)
    return np.array(taken, np.int64)


def _batch(inputs: Inputs) -> int:
    first = next(iter(inputs.values()), np.zeros(1))
    return int(first.shape[0]) if first.ndim else 1
