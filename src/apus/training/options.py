"""What a training run can be told, and the optimiser it makes of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from apus.runtime import cpu
from apus.training.muon import Muon, split

Group = dict[str, Any]
"""Parameters of an optimiser, and how it treats them."""
FUSED = ("cpu", "cuda")
"""Devices whose PyTorch moves all of a parameter's state in one pass instead of a dozen."""


@dataclass(frozen=True)
class TrainOptions:
    """Settings of one training run.

    Attributes:
        epochs: passes over the data; may be a fraction; 0 leaves the network as it starts.
        batch: examples per step (a user's own loader has its own).
        optimizer: SGD with Nesterov momentum, AdamW, or Muon for convolutions with SGD for the rest.
        learning_rate: at the peak of the schedule.
        momentum: of SGD and Muon.
        rest_learning_rate: with Muon, of the rest.
        rest_momentum: with Muon, of the rest.
        weight_decay: of weights; biases and normalisations have none.
        schedule: how the learning rate falls.
        warmup: share of the steps in which it rises, 0..1.
        final: share of the peak at the end, 0..1.
        clip: largest gradient norm; 0 for any.
        label_smoothing: of the built-in cross entropy, 0..1.
        ema: share of the old average after a step, 0..1; 0 keeps no average.
        bf16: compute in bfloat16 where that is faster; weights stay float32.
        checkpoint_seconds: most seconds of work a kill can cost.
        checkpoint_steps: and most steps; 0 for any.
    """

    epochs: float = 5.0
    batch: int = 128
    optimizer: Literal["sgd", "adamw", "muon"] = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    rest_learning_rate: float = 0.1
    rest_momentum: float = 0.85
    weight_decay: float = 5e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.1
    final: float = 0.0
    clip: float = 0.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    bf16: bool = False
    checkpoint_seconds: float = 15.0
    checkpoint_steps: int = 0


def make_optimizer(model: nn.Module, options: TrainOptions, apart: Sequence[Group] = ()) -> torch.optim.Optimizer:
    """The optimiser of a run, with weight decay on weights alone.

    Args:
        model: the network; parameters that ask for no gradient are left out.
        options: of the run.
        apart: groups with a `peak` of their own, which do not decay; only AdamW takes some.

    Returns:
        Each group has its `peak` learning rate; the loop sets the step's own, but of a `steady` group.

    Raises:
        ValueError: SGD or Muon shall move `apart`.
    """
    if apart and options.optimizer != "adamw":
        raise ValueError(f"optimizer = {options.optimizer!r}: gates and ranges learn by adamw")
    if options.optimizer == "muon":
        return _muon(model, options)
    others = {id(p) for group in apart for p in group["params"]}
    trained = [p for p in model.parameters() if p.requires_grad and id(p) not in others]
    groups: list[Group] = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group | {"peak": options.learning_rate} for group in groups]
    groups += [{"weight_decay": 0.0} | group for group in apart]
    fused = all(p.device.type in FUSED for p in model.parameters())
    if options.optimizer == "adamw":
        return torch.optim.AdamW(groups, options.learning_rate, fused=fused)
    nesterov = options.momentum > 0
    return torch.optim.SGD(groups, options.learning_rate, momentum=options.momentum, nesterov=nesterov, fused=fused)


def _muon(model: nn.Module, options: TrainOptions) -> Muon:
    hidden, rest = split(model)
    first = {"params": hidden, "lr": options.learning_rate, "momentum": options.momentum, "orthogonal": True}
    second = {"params": rest, "lr": options.rest_learning_rate, "momentum": options.rest_momentum, "orthogonal": False}
    first["weight_decay"], second["weight_decay"] = options.weight_decay, 0.0
    return Muon([group | {"peak": group["lr"]} for group in (first, second) if group["params"]])


def gains_by_bf16() -> bool:
    """Whether this CPU trains faster in bfloat16 than in float32.

    AMX does, and AMD with AVX512-BF16. Intel's cores begin one such product a cycle where they begin two of float32:
    as many multiplications, and conversions besides. Emulated, bfloat16 is slower anyway.
    """
    has = torch.cpu.get_capabilities()
    return bool(has.get("amx_bf16") or (has.get("avx512_bf16") and not cpu()["brand"].startswith("Intel")))
