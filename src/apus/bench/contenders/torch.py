"""PyTorch on the CPU: an `nn.Module`, or a program exported with `torch.export.save` (`.pt2`).

An ONNX model cannot be given: PyTorch has no reader for it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from apus.bench.protocol import Array, Inputs, Runner
from apus.errors import RunError


class Engine:
    """An eager module (channels last, inference mode), or with `compiled=True` one through `torch.compile`."""

    def __init__(self, model: Any, *, label: str, network: str, compiled: bool = False) -> None:
        self.model, self.label, self.network, self.compiled = _module(model), label, network, compiled

    def load(self, inputs: Inputs, threads: int) -> Runner:
        """Set the threads of the process, and lay images out channels last, which oneDNN prefers."""
        torch.set_num_threads(threads)
        arguments = [_tensor(array) for array in inputs.values()]
        forward = torch.compile(self.model, mode="max-autotune-no-cudagraphs") if self.compiled else self.model
        return _runner(forward, arguments)

    def settings(self) -> dict[str, object]:
        """Version and options."""
        return {"version": torch.__version__, "layout": "channels_last", "compiled": self.compiled}


def _module(model: Any) -> Callable[..., Any]:
    if isinstance(model, torch.nn.Module):
        module: Callable[..., Any] = model.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return module
    if Path(model).suffix != ".pt2":
        raise RunError(
            f"contender 'torch' cannot read {Path(model).name}: give an exported program (torch.export.save, .pt2), "
            "or in Python apus.bench.contender('torch', module)"
        )
    program: Callable[..., Any] = torch.export.load(model).module()
    return program


def _tensor(array: Array) -> torch.Tensor:
    tensor = torch.from_numpy(array)
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _runner(forward: Callable[..., Any], arguments: list[torch.Tensor]) -> Runner:
    def run() -> list[Array]:
        with torch.inference_mode():
            result = forward(*arguments)
        return [part.numpy() for part in (result if isinstance(result, tuple | list) else (result,))]

    return run
