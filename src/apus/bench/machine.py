"""The machine and the versions behind a number."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from apus.runtime import cpu, isa

_DISTRIBUTIONS = ("apus-ml", "numpy", "torch", "onnx", "onnxruntime", "openvino")


def environment(threads: int) -> dict[str, Any]:
    """Everything that a reader needs in order to judge a measurement made here and now.

    Args:
        threads: threads that every contender used.

    Returns:
        `cpu`, `isa`, `cores` (usable), `threads`, `versions` (installed ones), `load` (1, 5 and 15 minutes),
        `governor` (frequency policy, "unknown" in most virtual machines) and `system`.
    """
    processor = cpu()
    return {
        "cpu": processor["brand"],
        "isa": isa(),
        "cores": processor["cores"],
        "threads": threads,
        "versions": versions(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "governor": _governor(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that are installed, by distribution name."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _governor() -> str:
    policy = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return policy.read_text().strip() if policy.exists() else "unknown"
