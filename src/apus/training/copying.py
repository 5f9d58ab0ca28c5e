"""Copies of batches to the device: on CUDA from pinned memory and on a stream of their own, beside the computation."""

from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


class Copier:
    """Sends batches from one thread and receives them in another.

    A copy that is queued behind the kernels of a step waits for them; on a stream of its own it does not. What was
    made on that stream is used on another, so that stream waits for the copy, and the allocator is told of both.

    Args:
        device: where batches go; plain copies but for CUDA.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def send(self, batch: Any) -> tuple[Any, Any]:
        """Start a copy; any thread.

        Args:
            batch: any nest of tensors.

        Returns:
            For `receive`.
        """
        if self.stream is None:
            return pytree.tree_map_only(Tensor, lambda t: t.to(self.device, non_blocking=True), batch), None
        torch.cuda.set_device(self.device)  # a thread begins at device 0, and would take memory there
        with torch.cuda.stream(self.stream):
            there = pytree.tree_map_only(Tensor, lambda t: _pinned(t).to(self.device, non_blocking=True), batch)
            return there, self.stream.record_event()

    def receive(self, sent: tuple[Any, Any]) -> Any:
        """Let what this thread computes next come after the copy; the host does not wait.

        Args:
            sent: from `send`.

        Returns:
            The nest, on the device.
        """
        batch, copied = sent
        if copied is not None:
            here = torch.cuda.current_stream(self.device)
            here.wait_event(copied)
            pytree.tree_map_only(Tensor, lambda t: t.record_stream(here), batch)
        return pytree.tree_map(self._whole, batch)

    def _whole(self, leaf: Any) -> Any:
        """A batch may be an object that moves itself, as tokenizers and graph libraries give."""
        return leaf if isinstance(leaf, Tensor) or not hasattr(leaf, "to") else leaf.to(self.device)


def _pinned(tensor: Tensor) -> Tensor:
    return tensor if tensor.device.type != "cpu" or tensor.is_pinned() else tensor.pin_memory()
