"""Compute a model in bfloat16 while its weights, and all outside it, stay in float32."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree


def in_bf16(model: nn.Module, device: torch.device) -> None:
    """Let `model` compute under bf16 autocast, and answer in float32: a loss is not worth bf16's three digits.

    Args:
        model: its `forward` is replaced.
        device: where it runs.
    """
    forward = model.forward

    def lowered(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device.type, torch.bfloat16):
            outputs = forward(*args, **kwargs)
        return pytree.tree_map_only(Tensor, lambda t: t.float() if t.dtype == torch.bfloat16 else t, outputs)

    model.forward = lowered
