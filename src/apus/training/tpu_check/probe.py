"""Runs a user's script for a few training steps, in a process of its own, and looks on.

`python -m apus.training.tpu_check.probe OUTPUT.json MODE STEPS SCRIPT ARGUMENTS…`; modes: `lint`, `losses`, `ahead`.
"""

import json
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader, IterableDataset

from apus.training import quirks
from apus.training.feed import Feed, Indices
from apus.training.padding import Padding
from apus.training.recompilation import signature
from apus.training.tpu_check.lint import Asks, Finding, Operations, Steps
from apus.training.tpu_check.places import user_line


class Enough(BaseException):
    """Ends the script; not an Exception, so that no `except` of its own holds it."""


@contextmanager
def counting(limit: int, after: Callable[[], None] = lambda: None) -> Iterator[None]:
    steps = 0

    def count(*_: Any) -> None:
        nonlocal steps
        after()
        steps += 1
        if steps >= limit:
            raise Enough

    handle = register_optimizer_step_post_hook(count)
    try:
        yield
    except Enough:
        pass
    finally:
        handle.remove()


def run(script: str, arguments: list[str]) -> None:
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).resolve().parent))
    runpy.run_path(script, run_name="__main__")


@contextmanager
def _watch_batches(steps: Steps) -> Iterator[None]:
    """Look at what loaders give while gradients are on; not at a Feed's own reader, but at the Feed, as it pads."""
    loads, feeds = DataLoader.__iter__, Feed.__iter__

    def from_loader(loader: DataLoader[Any]) -> Iterator[Any]:
        place = user_line() if torch.is_grad_enabled() else None
        if place is None or isinstance(loader.batch_sampler, Indices):
            return loads(loader)
        if _is_ragged(loader):
            what = "the last batch is smaller: drop_last=True, or runtime.loader(...)"
            steps.always[Finding(place, what, "recompile")] = None
        return _noted(loads(loader), steps, place, lambda batch: batch)

    def from_feed(feed: Feed) -> Iterator[Any]:
        place = user_line() if torch.is_grad_enabled() else None
        if place is None:
            return feeds(feed)
        return _noted(feeds(feed), steps, place, feed.padding or Padding(rows=getattr(feed.loader, "batch_size", None)))

    with mock.patch.object(DataLoader, "__iter__", from_loader), mock.patch.object(Feed, "__iter__", from_feed):
        yield


def _noted(batches: Iterator[Any], steps: Steps, place: str, pad: Callable[[Any], Any]) -> Iterator[Any]:
    for batch in batches:
        steps.batch(place, signature(pad(batch)))
        yield batch


def _is_ragged(loader: DataLoader[Any]) -> bool:
    if loader.batch_size is None or loader.drop_last or isinstance(loader.dataset, IterableDataset):
        return False
    return len(loader.sampler) % loader.batch_size != 0  # type: ignore[arg-type]


def lint(script: str, arguments: list[str], limit: int) -> dict[str, Any]:
    """Findings of a script's first steps, on the CPU."""
    steps = Steps()
    with counting(limit, steps.end), _watch_batches(steps), Operations(steps), Asks(steps):
        run(script, arguments)
    return {"steps": steps.count, "findings": [vars(finding) for finding in steps.findings()]}


class _Losses(TorchFunctionMode):
    """Keeps what `backward` is called on."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note it, then do it."""
        if func is Tensor.backward:
            self.values.append(args[0].detach().clone())
        return func(*args, **(kwargs or {}))


def losses(script: str, arguments: list[str], limit: int) -> dict[str, Any]:
    """Losses of a script's first steps, where they were computed, and how many of the last half compiled something."""
    mode, counts = _Losses(), []

    def count() -> None:
        device = mode.values[-1].device if mode.values else torch.device("cpu")
        counts.append(quirks.compilations(device) if device.type == "tpu" else 0)

    with counting(limit, count), mode:
        run(script, arguments)
    devices = sorted({value.device.type for value in mode.values})
    return {
        "losses": [float(value) for value in mode.values],
        "devices": devices,
        "recompiling_steps": sum(b > a for a, b in pairwise(counts[len(counts) // 2 :])),
    }


def main(words: list[str]) -> None:
    """Run one mode and write its JSON.

    Args:
        words: output, mode, steps, script and its arguments.
    """
    output, mode, steps, script, *arguments = words
    result = {"lint": lint, "losses": losses}[mode](script, arguments, int(steps))
    Path(output).write_text(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
