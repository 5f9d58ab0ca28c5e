"""What is the bottleneck, and what is the cheapest cure? A judgement on measured times, without measuring."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import median

from apus.techniques.echo import choose_factor, step_time

NOTABLE = 0.10  # share of a step below which waiting is not worth a cure
SQUEEZED = 0.1  # of a core, that a busy machine still has for a worker that only waits for disk or network
UNEVEN = 1.25  # a rank this much slower than the median holds the others up


@dataclass(frozen=True)
class Times:
    """What was measured on one rank, in seconds per batch.

    Attributes:
        step: the training step alone.
        load: the loader alone, all its workers together.
        wait: of the step for input, when both run.
        period: from step to step, when both run.
        copy: to the device, alone; 0 if there is none.
        waits: each wait, in order.
        stages: the loader's stages, each by its workers together, first to last.
        echoable: stages after which an echo would stand well: those before augmentation.
        workers: of the loader; 0 works between the steps.
        cpu_share: share of its time in which the loader computes rather than waits for disk or network.
        free_cores: that nobody uses, when both run.
        cache_bytes: of all examples as they leave the stages before augmentation; 0 if unknown.
        free_bytes: of memory.
    """

    step: float
    load: float
    wait: float
    period: float
    copy: float = 0.0
    waits: Sequence[float] = ()
    stages: dict[str, float] = field(default_factory=dict)
    echoable: Sequence[str] = ()
    workers: int = 0
    cpu_share: float = 1.0
    free_cores: float = 0.0
    cache_bytes: int = 0
    free_bytes: int = 0

    @property
    def R(self) -> float:
        """Time to load a batch over time to use it."""
        return self.load / self.step

    def after(self) -> float:
        """Seconds of the stages that an echo before augmentation would leave to be done for every step."""
        return sum(seconds for name, seconds in self.stages.items() if name not in self.echoable)


@dataclass(frozen=True)
class Cure:
    """Something to do: a name, what it takes, the step time it promises in seconds, whether it is possible."""

    name: str
    text: str
    step: float
    possible: bool = True


@dataclass(frozen=True)
class Verdict:
    """The judgement.

    Attributes:
        kind: INPUT-BOUND, COMPUTE-BOUND, COPY-BOUND or STRAGGLER.
        share: of a step that is lost, 0..1.
        times: of the slowest rank.
        bottleneck: which stage, rank or thing.
        cures: the cheapest first.
        best: the one to take; None if nothing is wrong.
    """

    kind: str
    share: float
    times: Times
    bottleneck: str
    cures: list[Cure]
    best: Cure | None

    def __str__(self) -> str:
        t = self.times
        head = f"{self.kind} {100 * self.share:.0f}% (wait {_ms(t.wait)} of {_ms(t.period)} ms/step, R={t.R:.2g})."
        where = f" Bottleneck: {self.bottleneck}." if self.bottleneck else ""
        cures = "".join(f" {cure.text}." for cure in self.cures if cure is not self.best)
        if self.best is None:
            return f"{head}{where}{cures} Nothing to cure in the input."
        return f"{head}{where}{cures} Best: {self.best.text}, about {_ms(self.best.step)} ms/step."

    def table(self) -> str:
        """R of each stage, a line each."""
        rows = [
            f"{name:<24}{_ms(s):>8} ms/batch   R={s / self.times.step:.2f}" for name, s in self.times.stages.items()
        ]
        return "\n".join(rows)


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}" if seconds < 0.1 else f"{1e3 * seconds:.0f}"


def judge(ranks: Sequence[Times]) -> Verdict:
    """The verdict.

    Args:
        ranks: times of each rank; one for a single process.

    Returns:
        What is wrong, if anything, and what helps.

    >>> print(judge([Times(step=0.078, load=0.2, wait=0.122, period=0.2, stages={"decode": 0.2}, echoable=["decode"])]))
    INPUT-BOUND 61% (wait 122 of 200 ms/step, R=2.6). Bottleneck: decode. Workers: 0 cores free. Best: echo(2.75) \
after decode, about 78 ms/step.
    """
    slow = _slow_rank(ranks)
    times = max(ranks, key=lambda t: t.wait / t.period)
    wait, copy = times.wait / times.period, times.copy / times.period
    if slow is not None:
        return _straggling(ranks, slow)
    quick = times.R < NOTABLE and copy < NOTABLE and not uneven(times)  # then the waits are the machine's noise
    if max(wait, copy) < NOTABLE or quick:
        return Verdict("COMPUTE-BOUND", max(0.0, wait), times, "the training step", [], None)
    if copy > wait:
        return _copying(times, copy)
    if uneven(times):
        cure = Cure("prefetch", "a deeper prefetch (prefetch_factor) evens it out", max(times.load, times.step))
        return Verdict("STRAGGLER", wait, times, "a few slow batches", [cure], cure)
    return _waiting(times, wait)


def _slow_rank(ranks: Sequence[Times]) -> int | None:
    """The rank that holds up the others, by its step or its loader; None if they are even."""
    if len(ranks) < 2:
        return None
    own = [max(t.step, t.load) for t in ranks]
    slowest = max(range(len(own)), key=own.__getitem__)
    return slowest if own[slowest] > UNEVEN * median(own[:slowest] + own[slowest + 1 :]) else None


def _straggling(ranks: Sequence[Times], slow: int) -> Verdict:
    times, others = ranks[slow], [t for i, t in enumerate(ranks) if i != slow]
    even = median(max(t.step, t.load) for t in others)
    why = "its loader" if times.load > times.step else "its step"
    text = f"even out rank {slow}: {why} takes {_ms(max(times.step, times.load))} ms, the others' {_ms(even)}"
    cure = Cure("rank", text, even)
    return Verdict("STRAGGLER", 1 - even / max(times.step, times.load), times, f"rank {slow}", [cure], cure)


def uneven(times: Times) -> bool:
    """Whether the loader is fast enough on average and yet waited for: a few batches take long."""
    waits = sorted(times.waits, reverse=True)
    tenth = sum(waits[: max(1, len(waits) // 10)])
    return len(waits) >= 10 and tenth >= 0.6 * sum(waits) and (times.workers == 0 or times.load < times.step)


def _copying(times: Times, share: float) -> Verdict:
    hidden = max(times.load, times.step, times.copy)
    ahead = Cure("overlap", "copy ahead: pin_memory=True, non_blocking=True, or .to(device, ahead=2)", hidden)
    factor = choose_factor(times.copy / times.step)
    echo = Cure(
        "echo",
        f"echo({float(factor):g}) after the copy",
        step_time(max(times.load, times.copy), 0, times.step, float(factor)),
    )
    cures = [ahead] if factor == 1 else [ahead, echo]
    return Verdict("COPY-BOUND", share, times, "the copy to the device", cures, _best(cures, times))


def _waiting(times: Times, share: float) -> Verdict:
    cures = [_workers(times), _cache(times), _echo(times)]
    name = max(times.stages, key=times.stages.__getitem__) if times.stages else "the loader"
    return Verdict("INPUT-BOUND", share, times, name, [c for c in cures if c], _best([c for c in cures if c], times))


def _best(cures: Sequence[Cure], times: Times) -> Cure | None:
    """The first that all but removes the wait; else the one that removes most of it."""
    possible = [cure for cure in cures if cure.possible]
    enough = [cure for cure in possible if cure.step <= 1.1 * times.step]
    return enough[0] if enough else min(possible, key=lambda cure: cure.step, default=None)


def _workers(times: Times) -> Cure:
    """More workers: as many as R asks for, as far as cores are free (for a loader that computes)."""
    have = max(1, times.workers)
    wanted = max(1, ceil(have * times.R))
    spare = max(times.free_cores, SQUEEZED)
    if times.workers == 0 and times.R <= 1:
        can, wanted = (1 if spare >= times.cpu_share * 0.5 else 0), 1
    else:
        can = min(wanted, times.workers + int(spare / max(times.cpu_share, 0.02) + 0.25))
    step = max(times.load * have / max(can, 1), times.step)
    free = f"{times.free_cores:.0f} cores free" + ("; they would mostly wait" if times.cpu_share < SQUEEZED else "")
    if can <= times.workers:
        return Cure("workers", f"Workers: {free}", times.period, possible=False)
    fixes = "would fix" if can >= wanted else f"would help, {wanted - times.workers} would fix"
    return Cure("workers", f"+{can - times.workers} workers {fixes} ({free})", step)


def _cache(times: Times) -> Cure | None:
    if not times.cache_bytes:
        return None
    fits = times.cache_bytes < 0.8 * times.free_bytes
    need, free = _bytes(times.cache_bytes), _bytes(times.free_bytes)
    text = f"A cache of all examples fits ({need} of {free} free)" if fits else f"Cache needs {need} of {free}: no"
    return Cure("cache", text, max(times.after(), times.step), fits)


def _bytes(count: int) -> str:
    """For people.

    >>> _bytes(148 << 30), _bytes(16_000)
    ('148 GB', '15.6 kB')
    """
    unit = next((power for power in (3, 2, 1) if count >= 1024**power), 0)
    return f"{count / 1024**unit:.3g} {('B', 'kB', 'MB', 'GB')[unit]}"


def _echo(times: Times) -> Cure | None:
    """Echo before augmentation if the slow part is before it, else batches."""
    after = times.after() if times.echoable else 0.0
    before = max(times.load - after, 0.0) if times.echoable else times.load
    place = f"after {times.echoable[-1]}" if times.echoable else ""
    if not times.echoable or after > times.step:  # what comes after the echo would itself be the bottleneck
        before, after, place = times.load, 0.0, "of whole batches"
    factor = float(choose_factor(before / max(times.step, after)))
    if factor == 1:
        return None
    return Cure("echo", f"echo({factor:g}) {place}", step_time(before, after, times.step, factor))
