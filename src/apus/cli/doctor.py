"""`apus doctor`: what this machine offers, what is missing, and the command that adds it."""

import argparse
import os
from importlib import util
from pathlib import Path
from typing import Any

from apus import __version__
from apus.cli.extras import EXTRAS, command_for, version
from apus.cli.output import Column, emit, print_table
from apus.runtime import cpu, isa, isas


def arguments(parser: argparse.ArgumentParser) -> None:
    """`apus doctor` takes none."""


def run(options: argparse.Namespace) -> int:
    """Look and print; exit status 0 even when optional parts are missing, since the base runs without them."""
    report = {"apus": __version__, "machine": _machine(), "extras": _extras(), "data": _data()}
    if emit(options, report):
        return 0
    machine = report["machine"]
    assert isinstance(machine, dict)
    print_table(f"apus {__version__}", [Column("machine"), Column("")], list(machine.items()))
    rows = [
        (extra, package, found or "–", "" if found else command_for(package))
        for extra, packages in _extras().items()
        for package, found in packages.items()
    ]
    print_table("\nextras", [Column("extra"), Column("package"), Column("version"), Column("to add it")], rows)
    print_table("\ndata", [Column("set"), Column("where")], list(_data().items()))
    return 0


def _machine() -> dict[str, Any]:
    processor = cpu()
    forced = os.environ.get("APUS_ISA")
    return {
        "processor": processor["brand"],
        "instruction set": isa() + (f" (forced by APUS_ISA={forced})" if forced else ""),
        "can force": " ".join(isas()),
        "cores": f"{processor['cores']} usable of {os.cpu_count()} (affinity {_affinity()}, quota {_quota()})",
        "caches": ", ".join(f"{level} {processor[level] // 1024} KiB" for level in ("l1d", "l2", "l3")),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _affinity() -> str:
    return " ".join(map(str, sorted(os.sched_getaffinity(0)))) if hasattr(os, "sched_getaffinity") else "any"


def _quota() -> str:
    """CPUs that the cgroup grants, as its file says."""
    limit = Path("/sys/fs/cgroup/cpu.max")
    if not limit.exists():
        return "none"
    quota, period = limit.read_text().split()
    return "none" if quota == "max" else f"{int(quota) / int(period):.1f} CPUs"


def _extras() -> dict[str, dict[str, str | None]]:
    return {extra: {package: version(package) for package in packages} for extra, packages in EXTRAS.items()}


def _data() -> dict[str, str]:
    """Where each data set of the demo would be read from."""
    if util.find_spec("torch") is None:
        return {}
    from apus.data.fetch import ORIGINS, missing, places

    found = {name: [place for place in places(name) if not missing(name, place)] for name in ORIGINS}
    return {name: str(where[0]) if where else "absent; got when a recipe needs it" for name, where in found.items()}
