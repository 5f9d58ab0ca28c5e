"""Execution providers by ONNX Runtime's names: the engine is the CPU's."""

import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

CPU = "CPUExecutionProvider"
Provider: TypeAlias = str | tuple[str, dict[Any, Any]]


def get_available_providers() -> list[str]:
    """`["CPUExecutionProvider"]`."""
    return [CPU]


def get_all_providers() -> list[str]:
    """`["CPUExecutionProvider"]`."""
    return [CPU]


def get_device() -> str:
    """`"CPU"`."""
    return "CPU"


def set_default_logger_severity(severity: int) -> None:
    """Accepted and without effect: the engine logs nothing; what goes wrong is an exception."""


def check_providers(providers: Sequence[Provider] | None) -> None:
    """Warn, as ONNX Runtime does, about each provider that is not available; the CPU is used.

    Args:
        providers: names, or pairs of name and options; None for the default.
    """
    for provider in providers or ():
        name = provider if isinstance(provider, str) else provider[0]
        if name != CPU:
            message = f"Specified provider {name!r} is not in available provider names. Available providers: {CPU!r}"
            warnings.warn(message, UserWarning, stacklevel=3)
