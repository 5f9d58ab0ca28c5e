"""What a script trains: its outermost model, the arguments of a call, the optimizer's kind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from apus.errors import ApusError
from apus.training.tpu_check.probe import Enough, run


@dataclass
class Captured:
    """Filled while the script runs."""

    model: nn.Module | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    optimizer: str = ""


def capture(script: str, arguments: list[str]) -> Captured:
    """Run a script up to its first optimizer step.

    Args:
        script: path of a Python file.
        arguments: for it.

    Returns:
        The largest model called with gradients on; an ApusError says that there was none.
    """
    found = Captured()

    def stop(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        found.optimizer = type(optimizer).__name__
        raise Enough

    handle = register_optimizer_step_post_hook(stop)
    try:
        with mock.patch.object(nn.Module, "__call__", _seeing(found)):
            run(script, arguments)
    except Enough:
        pass
    finally:
        handle.remove()
    if found.model is None:
        raise ApusError(f"{script}: no model was called with gradients before an optimizer step: nothing to compile")
    return found


def _seeing(found: Captured) -> Callable[..., Any]:
    call, depth = nn.Module.__call__, 0

    def seen(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        nonlocal depth
        outermost = depth == 0 and torch.is_grad_enabled()
        if outermost and _trained(module) >= max(1, 0 if found.model is None else _trained(found.model)):
            found.model, found.args, found.kwargs = module, args, kwargs
        depth += 1
        try:
            return call(module, *args, **kwargs)
        finally:
            depth -= 1

    return seen


def _trained(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
