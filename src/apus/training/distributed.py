"""Many processes over torch.distributed: start, replicate or shard a model, agree, and give each rank its rows.

`torchrun` starts the processes; the script's own batch is the global batch, and each rank takes its part of the rows,
so that one process and many see the same data in the same order and take the same step.
"""

import atexit
import os
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.rendezvous import rendezvous
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils import _pytree as pytree

BACKENDS = {"cpu": "gloo", "cuda": "nccl", "tpu": "tpu_dist", "xpu": "xccl"}


class Ranks:
    """This process among its peers, as torchrun's environment says; one process needs no torchrun.

    Args:
        device: whose native backend moves the gradients.
    """

    def __init__(self, device: torch.device) -> None:
        self.world, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        self.device = device
        self.control: dist.ProcessGroup | None = None
        if self.world > 1:
            if not dist.is_initialized():
                _join(BACKENDS[device.type], self.rank, self.world)
                atexit.register(_leave)
            # What the host decides (stop? whose generators?) must not drain the device: a group of its own.
            self.control = dist.new_group(backend="gloo")

    def mean(self, value: Tensor) -> Tensor:
        """Mean over ranks, on the device.

        Args:
            value: any shape, floating point.

        Returns:
            The same shape; `value` itself in a single process.
        """
        if self.world == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.world

    def gather(self, value: Any) -> list[Any]:
        """What each rank has, on every rank.

        Args:
            value: anything that pickles.

        Returns:
            One value a rank, in order.
        """
        if self.control is None:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value, group=self.control)
        return values

    def replicate(self, model: nn.Module) -> nn.Module:
        """Average a model's gradients over ranks.

        Args:
            model: on its device; rank 0's weights are sent to the others.

        Returns:
            What to call in its place; the model itself in a single process, or when nothing in it is trained.
        """
        many = self.world > 1 and any(p.requires_grad for p in model.parameters())
        return Replica(model) if many else model

    def barrier(self) -> None:
        """Wait for all ranks; the device is not drained."""
        if self.control is not None:
            dist.barrier(group=self.control)


def _join(backend: str, rank: int, world: int) -> None:
    # torchrun keeps its store over a restart, and with it the addresses of processes that died: a name for each try.
    store, *_ = next(iter(rendezvous("env://", rank, world)))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    named = dist.PrefixStore(f"apus/{attempt}", store)  # type: ignore[attr-defined]
    dist.init_process_group(backend, store=named, rank=rank, world_size=world)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


class Replica(DistributedDataParallel):
    """DDP that still answers to the model's own attributes, and saves under the model's own names."""

    def __getattr__(self, name: str) -> Any:
        """Look at the model for what DDP lacks."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own: no `module.` before the names."""
        return self.module.state_dict(*args, **kwargs)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own: no `module.` before the names."""
        return self.module.load_state_dict(*args, **kwargs)


class _ScaleGradient(torch.autograd.Function):
    """Identity whose gradient is multiplied by the rank's share of the rows."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, share: Tensor) -> Tensor:
        ctx.save_for_backward(share)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.saved_tensors[0].to(gradient.dtype), None


def weigh_by_rows(model: nn.Module, share: Tensor) -> None:
    """Make ranks with fewer rows count for less, so that means over ranks are means over rows.

    With N_r rows on rank r of N in all and a loss that is a mean over rows, the mean over R ranks of the gradients is
    that of the whole batch only if rank r's is multiplied by `share` = R N_r / N.

    Args:
        model: its outputs get the factor on their way back.
        share: scalar on the device, changed in place for every batch.
    """

    def scaled(value: Tensor) -> Any:
        return _ScaleGradient.apply(value, share) if value.requires_grad else value  # type: ignore[no-untyped-call]

    def scale(_module: nn.Module, _inputs: Any, outputs: Any) -> Any:
        if not torch.is_grad_enabled():
            return outputs
        return pytree.tree_map_only(Tensor, scaled, outputs)

    model.register_forward_hook(scale)


def shard(model: nn.Module, ranks: Ranks) -> nn.Module:
    """Split parameters, gradients and optimizer state over ranks (FSDP2), for models that do not fit.

    Args:
        model: on its device; rank 0's weights are sent to the others. Blocks of a list are gathered one by one.
        ranks: the group.

    Returns:
        The same model.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        dist.broadcast(tensor.detach(), 0)
    mesh = init_device_mesh(ranks.device.type, (ranks.world,))
    for module in reversed(list(model.modules())):  # inner blocks first: what they take is no longer the outer's
        if isinstance(module, (nn.ModuleList, nn.Sequential)):
            for block in module:
                if any(True for _ in block.children()) and any(p.requires_grad for p in block.parameters()):
                    fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def whole(tensor: Tensor) -> Tensor:
    """An own copy on the CPU of a tensor, gathered if it is sharded (then every rank must call).

    Args:
        tensor: on any device.

    Returns:
        Contiguous, sharing no memory.
    """
    full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().to("cpu", copy=True).contiguous()


def like(full: Tensor, model: Tensor) -> Tensor:
    """A whole tensor laid out as another is.

    Args:
        full: on the CPU, the same on every rank.
        model: the tensor to match, sharded or not.

    Returns:
        On the device and in the layout of `model`.
    """
    if isinstance(model, DTensor):
        return distribute_tensor(full.to(model.device_mesh.device_type), model.device_mesh, model.placements)
    return full


def rows_of(rank: int, world: int, total: int) -> slice:
    """Which rows of a batch are a rank's: consecutive, sizes differing by at most one.

    Args:
        rank: 0 ≤ rank < world.
        world: ranks.
        total: rows of the whole batch, ≥ 0.

    Returns:
        Their slice; empty when there are fewer rows than ranks.

    >>> [rows_of(rank, 2, 5) for rank in range(2)]
    [slice(0, 3, None), slice(3, 5, None)]
    """
    each, rest = divmod(total, world)
    start = rank * each + min(rank, rest)
    return slice(start, start + each + (rank < rest))


def part_of(batch: Sequence[Any], rank: int, world: int) -> tuple[list[Any], float]:
    """A rank's part of a batch of indices, and its weight in the mean.

    Args:
        batch: of the whole batch, at least one.
        rank: 0 ≤ rank < world.
        world: ranks.

    Returns:
        Indices, and R N_r / N. A rank that would be left with none gets one at weight 0, since it must take part.
    """
    own = list(batch[rows_of(rank, world, len(batch))])
    return own or [batch[0]], world * len(own) / len(batch)


def parts(batches: Iterator[Sequence[Any]], rank: int, world: int) -> Iterator[tuple[list[Any], float]]:
    """`part_of` of every batch."""
    return (part_of(batch, rank, world) for batch in batches)
