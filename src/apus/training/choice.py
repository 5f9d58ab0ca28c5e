"""Which device to train on, and how programs are compiled for it."""

import difflib
import os
from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from apus.errors import DeviceError
from apus.training import quirks
from apus.training.options import gains_by_bf16 as cpu_gains_by_bf16


def choose_device(name: str | None = None) -> torch.device:
    """The device to train on.

    Args:
        name: wins if given; else `$APUS_DEVICE`, else the machine's accelerator, else the CPU.

    Returns:
        With an index on CUDA: the local rank under torchrun, else the name's own, else 0.

    Raises:
        DeviceError: there is no such device here, or not one for each process.
    """
    quirks.avoid_hang()
    name = name or os.environ.get("APUS_DEVICE") or None
    if name == "tpu":
        quirks.start_emulated()  # nothing happens where a real one was found
    device = _found() if name is None else _named(name)
    if device.type in NUMBERED:
        if _found().type != device.type:
            raise DeviceError(f"device {name}: torch {torch.__version__} sees no {device.type.upper()} device here")
        device = torch.device(device.type, _index(device))
        torch.accelerator.set_device_index(device.index)
    return device


Precision = Literal["fp32", "bf16", "auto"]
NUMBERED, KNOWN, ALIASES = (
    ("cuda", "xpu"),
    ("cpu", "cuda", "tpu", "xpu"),
    {"gpu": "cuda", "nvidia": "cuda", "xla": "tpu"},
)


def _found() -> torch.device:
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def _named(name: str) -> torch.device:
    try:
        return torch.device(name)
    except RuntimeError:
        near = (
            [ALIASES[name.lower()]] if name.lower() in ALIASES else difflib.get_close_matches(name.lower(), KNOWN, n=1)
        )
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DeviceError(f"no device {name!r}{hint} (cpu, cuda or tpu; APUS_DEVICE and Runtime(device))") from None


def _index(device: torch.device) -> int:
    """Its number on this host."""
    index, count = int(os.environ.get("LOCAL_RANK", device.index or 0)), torch.accelerator.device_count()
    if index >= count:
        there = f"this host has {count}: start at most as many processes (--nproc_per_node {count})"
        raise DeviceError(f"there is no {device.type}:{index}; {there}")
    return index


def one_of(what: str, value: str, words: Any) -> None:
    """Refuse a word that means nothing.

    Args:
        what: the argument's name.
        value: what it was given.
        words: a Literal, what it may be.

    Raises:
        ValueError: names all three.
    """
    known = get_args(words)
    if value not in known:
        raise ValueError(f"{what} is {value!r}; it is one of {', '.join(known)}")


def gains_by_bf16(device: torch.device) -> bool:
    """Whether a device computes faster in bfloat16 than in float32.

    Args:
        device: as `choose_device` returned it.

    Returns:
        On CUDA since compute capability 8.0.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type != "cpu" or cpu_gains_by_bf16()


def compile_options(device: torch.device, compiler: str | None, *, graphs: bool = False) -> dict[str, Any]:
    """Arguments of `torch.compile` for a device.

    Args:
        device: where the program runs.
        compiler: a backend; `auto` or None: the device's best.
        graphs: replay CUDA graphs, whose outputs and gradients live only until the next replay.

    Returns:
        Backend and mode; shapes are static, as our loader keeps them.

    >>> compile_options(torch.device("cuda"), "auto", graphs=True)
    {'backend': 'inductor', 'dynamic': False, 'mode': 'reduce-overhead'}
    """
    best = "tpu" if device.type == "tpu" else "inductor"
    backend = best if compiler in (None, "auto") else compiler
    # Graphs pay on CUDA where kernels are many and small; they need the fixed shapes that our loader gives.
    mode = {"mode": "reduce-overhead"} if graphs and device.type == "cuda" and backend == "inductor" else {}
    return {"backend": backend, "dynamic": False, **mode}


def compile_step(step: Callable[..., Any], device: torch.device, compiler: str | None) -> Callable[..., Any]:
    """A compiled training step, replayed from CUDA graphs where that pays.

    Args:
        step: batch in, metrics out.
        device: where it runs.
        compiler: a backend; `auto` or None: the device's best.

    Returns:
        The same, for the same shapes; what it returns is the caller's to keep.
    """
    options = compile_options(device, compiler, graphs=True)
    ready = torch.compile(step, **options)
    if "mode" not in options:
        return ready

    def replayed(*args: Any, **kwargs: Any) -> Any:
        # All that a step computes, chunks accumulated within it too, is one generation; the next overwrites it.
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return pytree.tree_map_only(Tensor, Tensor.clone, ready(*args, **kwargs))

    return replayed
