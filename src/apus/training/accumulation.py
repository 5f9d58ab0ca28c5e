"""Gradient accumulation inside one step: a large batch in parts, with one exchange of gradients."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel


def accumulate(
    loss: Callable[..., Tensor], model: nn.Module, batch: Sequence[Tensor], chunks: int, count: Tensor
) -> Tensor:
    """Backward of Σ_parts loss(part) / count; ranks exchange gradients at the last part alone.

    Args:
        loss: one part of `batch` in, the *sum* of its losses out.
        model: plain, replicated or sharded.
        batch: tensors (N, ...).
        chunks: parts, ≥ 1.
        count: scalar; what the sum over all parts is divided by, the mean over ranks of their valid targets.

    Returns:
        The divided sum, detached, on the device.
    """
    pieces = list(zip(*(tensor.chunk(chunks) for tensor in batch), strict=True))
    total = torch.zeros((), device=batch[0].device)
    for index, piece in enumerate(pieces):
        with _unsynced(model, last=index == len(pieces) - 1):
            part = loss(*piece) / count
            part.backward()  # type: ignore[no-untyped-call]
        total = total + part.detach()
    return total


def _unsynced(model: nn.Module, last: bool) -> AbstractContextManager[None]:
    if isinstance(model, DistributedDataParallel):
        return nullcontext() if last else model.no_sync()
    if isinstance(model, FSDPModule):
        model.set_requires_gradient_sync(last)
    return nullcontext()
