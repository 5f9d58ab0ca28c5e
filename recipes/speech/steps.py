"""What the trainings of a voice share: steps until a clock or a count ends them, and checkpoints to go on from.

Under torchrun each rank takes its part of a batch, and gradients are averaged.
"""

import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from apus.training import Runtime, checkpoint
from apus.training.distributed import Ranks
from apus.training.stop import on_signal

SAVE_EVERY_SECONDS = 300.0


def train(
    net: nn.Module,
    batch: Callable[[int], Tensor],
    folder: Path,
    *,
    steps: int,
    rate: float,
    minutes: float,
    score: Callable[[], dict[str, float]],
    after_step: Callable[[int], None] | None = None,
) -> None:
    """Train by AdamW with a cosine, from the last checkpoint on, until `steps` are done, `minutes` over, or Ctrl-C.

    Args:
        net: what is trained.
        batch: number of a step -> its loss, of this rank's rows.
        folder: of `checkpoint.pt` and `log.jsonl`.
        steps: of the whole training, 1 or more.
        rate: the learning rate at its height.
        minutes: of this sitting.
        score: measures the held-out set; called at each checkpoint, its result is logged.
        after_step: called with steps done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=1e-4, fused=True)
    cosine = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=min(0.5, 1000 / steps))
    parts: dict[str, Any] = {"net": net, "optimizer": optimizer, "schedule": cosine}
    step = _resume(folder, parts)
    end, saved, losses = time.monotonic() + minutes * 60, time.monotonic(), []
    ranks = ranks_here()
    with on_signal() as flag:
        while step < steps and not _any(time.monotonic() > end or bool(flag.number), ranks):
            loss = batch(step)
            optimizer.zero_grad()
            loss.backward()
            _average(net, ranks)
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            cosine.step()
            step += 1
            losses.append(loss.item())
            if after_step:
                after_step(step)
            if time.monotonic() - saved > SAVE_EVERY_SECONDS and ranks.rank == 0:
                _save(folder, parts, step, losses, score)
                saved, losses = time.monotonic(), []
    if ranks.rank == 0:
        _save(folder, parts, step, losses, score)


@cache
def ranks_here() -> Ranks:
    """This process among those that torchrun started; by itself without it."""
    return Runtime("cpu").ranks


def _any(stops: bool, ranks: Ranks) -> bool:
    return bool(ranks.mean(torch.tensor(float(stops))))


def _average(net: nn.Module, ranks: Ranks) -> None:
    if ranks.world == 1:
        return
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    means = ranks.mean(torch.cat([g.flatten() for g in gradients])).split([g.numel() for g in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def _resume(folder: Path, parts: dict[str, Any]) -> int:
    state = checkpoint.load(folder / "checkpoint.pt")
    if state is None:
        return 0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def _save(
    folder: Path, parts: dict[str, Any], step: int, losses: list[float], score: Callable[[], dict[str, float]]
) -> None:
    states = {name: part.state_dict() for name, part in parts.items()}
    checkpoint.save(folder / "checkpoint.pt", states | {"step": step})
    loss = sum(losses) / max(1, len(losses))
    line = {"step": step, "loss": round(loss, 5)} | {k: round(v, 5) for k, v in score().items()}
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    print(line, flush=True)
