"""PyTorch on the CPU: an `nn.Module`, or a program exported with `torch.export.save` (`.pt2`).

An ONNX model cannot be given: PyTorch has no reader for it.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from apus.bench.protocol import Array, Inputs, Runner
from apus.errors import RunError


class Engine:
    """An eager module (channels last, inference mode), or with `compiled=True` one through `torch.compile`.

    `precision` is `f32`, or `bf16`: weights and activations, with inputs and outputs converted inside the run.
    """

    def __init__(self, model: Any, *, label: str, network: str, compiled: bool = False, precision: str = "f32") -> None:
        self.model, self.label, self.network, self.compiled = _module(model), label, network, compiled
        self.precision = precision
        if precision == "bf16":
            self.model = _Bfloat16(_as_module(model))

    def load(self, inputs: Inputs, threads: int) -> Runner:
        """Set the threads of the process, and lay images out channels last, which oneDNN prefers."""
        torch.set_num_threads(threads)
        arguments = [_tensor(array) for array in inputs.values()]
        if not self.compiled:
            return _runner(self.model, arguments)
        options: dict[str, Any] = {"freezing": True, "max_autotune": True}  # weights become constants, packed once
        return _runner(torch.compile(self.model, options=options), arguments)

    def settings(self) -> dict[str, object]:
        """Version and options."""
        return {
            "version": torch.__version__,
            "layout": "channels_last",
            "compiled": self.compiled,
            "precision": self.precision,
        }


def _as_module(model: Any) -> torch.nn.Module:
    if not isinstance(model, torch.nn.Module):
        raise RunError("precision='bf16' of contender 'torch' takes an nn.Module, not a file")
    return model


class _Bfloat16(torch.nn.Module):
    """A copy of a module in bfloat16, with float32 outside."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).to(torch.bfloat16)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.model(*(x.to(torch.bfloat16) for x in inputs)).to(torch.float32)
        return result


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
