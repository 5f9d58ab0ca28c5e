"""Which device to train on, and how programs are compiled for it."""

import os
from typing import Any

import torch

from apus.training import quirks


def choose_device(name: str | None = None) -> torch.device:
    """The device to train on.

    Args:
        name: wins if given; else `$APUS_DEVICE`, else the machine's accelerator, else the CPU.

    Returns:
        With the local rank's index on CUDA.
    """
    quirks.avoid_hang()
    name = name or os.environ.get("APUS_DEVICE")
    if name == "tpu":
        quirks.start_emulated()  # nothing happens where a real one was found
    found = torch.accelerator.current_accelerator(check_available=True) if name is None else None
    device = torch.device(name or found or "cpu")
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    return device


def compile_options(device: torch.device, compiler: str | None) -> dict[str, Any]:
    """Arguments of `torch.compile` for a device.

    Args:
        device: where the program runs.
        compiler: a backend; `auto` or None: the device's best.

    Returns:
        Backend and mode; shapes are static, as our loader keeps them.

    >>> compile_options(torch.device("cuda"), "auto")
    {'backend': 'inductor', 'dynamic': False, 'mode': 'reduce-overhead'}
    """
    best = "tpu" if device.type == "tpu" else "inductor"
    backend = best if compiler in (None, "auto") else compiler
    # Graphs pay on CUDA where steps are many and small; they need the fixed shapes that our loader gives.
    mode = {"mode": "reduce-overhead"} if device.type == "cuda" and backend == "inductor" else {}
    return {"backend": backend, "dynamic": False, **mode}
