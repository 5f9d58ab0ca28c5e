"""What the machine has to spare: cores while something runs, and memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter


@dataclass
class Cores:
    """Cores that this process may use and that were idle, on average."""

    free: float = 0.0


@contextmanager
def watch_cores() -> Iterator[Cores]:
    """Measure idle cores of the machine from here to the end of the block; where that is not told, all but one.

    >>> with watch_cores() as cores:
    ...     pass
    >>> cores.free <= usable_cores()
    True
    """
    found = Cores(max(0.0, usable_cores() - 1.0))
    begin, idle = perf_counter(), _idle_seconds()
    yield found
    elapsed, after = perf_counter() - begin, _idle_seconds()
    if idle is not None and after is not None and elapsed > 0.1:
        found.free = min((after - idle) / elapsed, float(usable_cores()))


def usable_cores() -> int:
    """Cores that this process may run on, by affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _idle_seconds() -> float | None:
    """Idle and I/O-wait seconds of all cores since boot."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    fields = stat.read_text().splitlines()[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def free_bytes() -> int:
    """Memory that can be taken without swapping; 0 if the system does not tell."""
    info = Path("/proc/meminfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), 0)
