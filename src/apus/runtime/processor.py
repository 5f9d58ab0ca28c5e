"""What the processor offers, as the engine sees it."""

from typing import Any

from apus import _native
from apus.errors import RunError


def isa() -> str:
    """The instruction set in use, such as `vnni` or `dotprod`; the environment variable `APUS_ISA` forces another.

    Returns:
        Its name, one of `isas()`.

    Raises:
        IsaError: `APUS_ISA` names one that this build or CPU lacks.
    """
    return _native.isa()


def isas() -> list[str]:
    """The instruction sets that `APUS_ISA` may name on this machine, best last; the first is `scalar`."""
    return list(_native.isas())


def cpu() -> dict[str, Any]:
    """The processor: `brand`, `features`, `l1d`, `l2` and `l3` in bytes, and usable `cores`."""
    return dict(_native.cpu())


def usable_cores() -> int:
    """CPUs that this process may use, by its affinity and its cgroup's quota; at least 1."""
    return max(1, int(_native.cpu()["cores"]))


def check_isa(isa: str | None) -> str:
    """The most that may be used, or an error that says what there is.

    Args:
        isa: what the user gave; None for what the machine has by default.

    Returns:
        As the engine takes it: empty for the default.

    Raises:
        RunError: this machine has no such instruction set.
    """
    if isa is not None and isa not in _native.isas():
        raise RunError(f"isa={isa!r}; this machine has {', '.join(_native.isas())}")
    return isa or ""
