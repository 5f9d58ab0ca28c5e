"""One script on CPU, CUDA and TPU, one process or many: the Runtime.

```python
from apus.training import Runtime            # 1
runtime = Runtime()                          # 2
model = Net()
model, train = runtime.setup(model, train)   # 3
```

The rest of the script stays as it was. `APUS_DEVICE=cpu|cuda|tpu` overrides the choice of device; `torchrun` makes it
many processes.
TPU means TorchTPU (device `tpu`); its defects are cured here by way of `quirks`.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader

from apus.training import choice, distributed, quirks
from apus.training.accumulation import accumulate
from apus.training.feed import Feed, own_rows
from apus.training.keeper import Keeper
from apus.training.lowering import in_bf16
from apus.training.meter import Meter
from apus.training.padding import Padding
from apus.training.recompilation import Action, Budget, signature

Step = TypeVar("Step", bound=Callable[..., Any])


class Runtime:
    """The device and the ranks behind a plain PyTorch script.

    Args:
        device: `cpu`, `cuda`, `tpu`; None: `$APUS_DEVICE`, else what the machine has.
        precision: `bf16` computes the model under autocast, weights stay fp32; `auto` does so where that is
            faster.
        compiler: a `torch.compile` backend for the models given to `setup`, or `auto` for the device's best; None:
            they run eagerly.
        shard: FSDP2 in place of DDP, for models that do not fit.
        warmup: steps that may compile, for each source of batches.
        on_recompilation: what happens when a later one does.

    >>> runtime = Runtime("cpu")
    >>> model = runtime.setup(nn.Linear(2, 1))
    >>> next(model.parameters()).device
    device(type='cpu')
    """

    def __init__(
        self,
        device: str | None = None,
        *,
        precision: choice.Precision = "fp32",
        compiler: str | None = None,
        shard: bool = False,
        warmup: int = 2,
        on_recompilation: Action = "warn",
    ) -> None:
        choice.one_of("precision", precision, choice.Precision)
        choice.one_of("on_recompilation", on_recompilation, Action)
        self.device = choice.choose_device(device)
        self.ranks = distributed.Ranks(self.device)
        self.precision, self.compiler, self.shard = precision, compiler, shard
        self.budget = Budget(self.compilations, warmup, on_recompilation)
        self._compiles = compiler is not None or self.device.type == "tpu"
        self._share = torch.ones((), device=self.device)
        self._share_now = 1.0

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0, the one to print and to write files."""
        return self.ranks.rank == 0

    def setup(self, *objects: Any) -> Any:
        """Make models, loaders and optimizers ready for the device and the ranks.

        Args:
            *objects: modules (placed, cured, compiled, replicated or sharded), loaders (see `loader`), and
                optimizers made before this call, which are pointed at the placed parameters; else a TypeError.

        Returns:
            One for each, in order; not a tuple when there is one.
        """
        placed: dict[int, Tensor] = {}
        ready = [self._prepare(one, placed) for one in objects]
        return ready[0] if len(ready) == 1 else tuple(ready)

    def _prepare(self, one: Any, placed: dict[int, Tensor]) -> Any:
        if isinstance(one, nn.Module):
            return self._place(one, placed)
        if isinstance(one, DataLoader) or hasattr(one, "read_from"):
            return self.loader(one)
        if isinstance(one, Optimizer):
            return _rebind(one, placed)
        raise TypeError(
            f"setup takes modules, DataLoaders and optimizers (after their model), not {type(one).__name__}"
        )

    def place(self, model: nn.Module) -> nn.Module:
        """Move a model to the device, cured of what ails it there; `setup` does this and more.

        Args:
            model: changed in place.

        Returns:
            The same model.
        """
        model.to(self.device)
        if self.device.type == "tpu":
            quirks.cure(model)
        return model

    def _place(self, model: nn.Module, placed: dict[int, Tensor]) -> nn.Module:
        before = dict(model.named_parameters())
        self.place(model)
        if self.bf16:
            in_bf16(model, self.device)
        if self.ranks.world > 1:
            distributed.weigh_by_rows(model, self._share)
        if self.compiler is not None:
            model.compile(**choice.compile_options(self.device, self.compiler))
        if self.shard and self.ranks.world > 1:
            distributed.shard(model, self.ranks)
        placed.update({id(old): new for (_, old), new in zip(before.items(), model.parameters(), strict=True)})
        return model if self.shard else self.ranks.replicate(model)

    @property
    def bf16(self) -> bool:
        """Whether models compute in bfloat16."""
        return self.precision == "bf16" or (self.precision == "auto" and self.gains_by_bf16)

    @property
    def gains_by_bf16(self) -> bool:
        """Whether the device computes faster in bfloat16 than in float32."""
        return choice.gains_by_bf16(self.device)

    def compile(self, step: Step) -> Step:
        """Compile a training step: on a TPU, and elsewhere if the Runtime was given a compiler.

        Args:
            step: batch in, metrics out; shapes must not change (see `loader`).

        Returns:
            A function that does the same, watched by the recompilation budget; `step` itself where none is compiled.
        """
        if not self._compiles:
            return step
        ready, name = choice.compile_step(step, self.device, self.compiler), getattr(step, "__name__", "step")

        def watched(*args: Any, **kwargs: Any) -> Any:
            result = ready(*args, **kwargs)
            self.budget.finish(name, signature((args, kwargs)))
            return result

        return watched  # type: ignore[return-value]

    def compilations(self) -> int:
        """Programs compiled so far in this process."""
        return quirks.compilations(self.device) if self._compiles else 0

    def loader(
        self,
        loader: Any,
        *,
        pad_to: int | None = None,
        lengths: Sequence[int] = (),
        value: float = 0,
        ignore_index: int = -100,
        targets: tuple[str | int, ...] | None = None,
        prefetch: int | None = None,
        split: bool | None = None,
    ) -> Feed:
        """Feed batches to the device, each rank its rows, in shapes that do not change.

        Args:
            loader: a DataLoader, an `apus.data` pipeline, or an iterable of batches; its batch is the global one,
                whatever the number of ranks.
            pad_to: rows of each rank's batch; None: the loader's own batch size, where shapes are compiled.
            lengths: sizes allowed for dimension 1.
            value: fills inputs.
            ignore_index: fills targets; the loss must leave it out, as `cross_entropy` does.
            targets: keys or places of the targets in a batch; None: the last of a tuple, `labels` of a dict.
            prefetch: batches that a thread keeps ready on the device; None: 2 on an accelerator, 0 on a CPU.
            split: False gives every rank all rows; None: under `torch.no_grad()` only.

        Returns:
            Iterates like `loader`.
        """
        rows = pad_to
        whole = getattr(loader, "batch_size", None)
        if rows is None and self._compiles and whole:
            rows = -(-whole // self.ranks.world)
        ahead = prefetch if prefetch is not None else 0 if self.device.type == "cpu" else 2
        padding = Padding(rows, tuple(lengths), value, ignore_index, targets, strict=pad_to is not None)
        return Feed(
            loader,
            self.device,
            rank=self.ranks.rank,
            world=self.ranks.world,
            padding=padding if rows or lengths else None,
            prefetch=ahead,
            split=split,
            use=self._use,
            done=self._done,
        )

    def _use(self, share: float) -> None:
        if share != self._share_now:
            self._share_now = share
            self._share.fill_(share)

    def _done(self, batch: Any) -> None:
        if self._compiles:
            self.budget.finish("training" if torch.is_grad_enabled() else "evaluation", signature(batch))

    def accumulate(
        self,
        loss: Callable[..., Tensor],
        model: nn.Module,
        batch: Sequence[Tensor],
        chunks: int,
        ignore_index: int = -100,
    ) -> Tensor:
        """Backward of a batch in parts, inside the step, equal to that of the whole batch of all ranks.

        Args:
            loss: one part of `batch` in, the *sum* of its losses out.
            model: the one that `setup` returned.
            batch: tensors (N, ...), targets last.
            chunks: parts, ≥ 1.
            ignore_index: targets that do not count.

        Returns:
            This rank's share of the mean loss, detached, on the device.
        """
        valid = self.ranks.mean((batch[-1] != ignore_index).sum().float())
        self._use(1.0)  # rows are weighed by valid targets here
        return accumulate(loss, model, batch, chunks, valid.clamp(min=1.0))

    def part(self, batch: Any) -> tuple[Any, float]:
        """This rank's rows of a batch that all ranks have, on the device.

        Args:
            batch: any nest of tensors (N, ...).

        Returns:
            The rows, and R N_r / N: what a mean over them is multiplied by, so that the mean over ranks is over rows.
        """
        rows, weight = (batch, 1.0) if self.ranks.world == 1 else own_rows(batch, self.ranks.rank, self.ranks.world)
        return self.to_device(rows), weight

    def to_device(self, batch: Any) -> Any:
        """Move the tensors of a batch, without waiting.

        Args:
            batch: any nest of tensors.

        Returns:
            The same nest.
        """
        return pytree.tree_map_only(Tensor, lambda t: t.to(self.device, non_blocking=True), batch)

    def meter(self, every: int) -> Meter:
        """Metrics that stay on the device, fetched every N steps.

        Args:
            every: steps, ≥ 1.

        Returns:
            An empty meter.
        """
        return Meter(every)

    def checkpoints(self, folder: str | os.PathLike[str], *, every: int = 100, keep: int = 2, **parts: Any) -> Keeper:
        """Take up the newest checkpoint of a folder, and keep writing there.

        Args:
            folder: on storage that all ranks share.
            every: steps between checkpoints.
            keep: how many stay.
            **parts: modules, optimizers, schedulers and loaders, by name, as `setup` returned them.

        Returns:
            Call its `step()` after each optimizer step.
        """
        return Keeper(Path(folder), self.ranks, every, keep, parts)


def _rebind(optimizer: Optimizer, placed: dict[int, Tensor]) -> Optimizer:
    for group in optimizer.param_groups:
        group["params"] = [placed.get(id(parameter), parameter) for parameter in group["params"]]
    return optimizer
