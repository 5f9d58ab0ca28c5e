"""Saves a run every so many steps and when the machine is taken away, and takes it up again anywhere."""

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import nn

from apus.training import portable
from apus.training.agreement import Agreement
from apus.training.checkpoint import random_state, restore_random_state
from apus.training.distributed import Ranks
from apus.training.stop import on_signal


class Keeper:
    """Takes up the newest checkpoint of a folder when made, and writes new ones as `step` is called.

    `steps` counts the optimizer steps done, those of earlier runs included.

    Args:
        folder: on storage that all ranks share.
        ranks: the group.
        every: steps between checkpoints, ≥ 1.
        keep: how many stay, ≥ 1.
        parts: what to keep, by name: modules, optimizers, schedulers, feeds.
    """

    def __init__(self, folder: Path, ranks: Ranks, every: int, keep: int, parts: dict[str, Any]) -> None:
        self.folder, self.ranks, self.every, self.keep, self.parts = folder, ranks, every, keep, parts
        self.steps = 0
        self._agreement = Agreement(ranks)
        self._signals = ExitStack()
        self._flag = self._signals.enter_context(on_signal())
        if ranks.rank == 0:
            folder.mkdir(parents=True, exist_ok=True)  # now, not after hours
        found = portable.latest(folder)
        if found is not None:
            self._restore(found)

    def _restore(self, folder: Path) -> None:
        files, states = portable.read(folder)
        for name, part in self.parts.items():
            if isinstance(part, nn.Module):
                portable.load_module(part, files[name])
            elif isinstance(part, torch.optim.Optimizer):
                portable.load_optimizer(part, states[name])
            else:
                part.load_state_dict(states[name])
        self.steps = states["run"]["steps"]
        generators = states["run"]["generators"]
        # As many ranks as before: each its own. Else all take rank 0's, as they do when a script seeds them alike.
        restore_random_state(generators[self.ranks.rank if len(generators) == self.ranks.world else 0])

    def step(self) -> None:
        """Call once after each optimizer step: saves when due; saves and ends the process when it was told to stop.

        Raises:
            SystemExit: a rank got SIGTERM or Ctrl-C; the code is 128 plus the signal's number.
        """
        self.steps += 1
        number = self._agreement.ask(self._flag.number)
        if number or self.steps % self.every == 0:
            self.save()
        if number:
            self.close()
            if self.ranks.rank == 0:
                name = signal.Signals(number).name
                print(f"{name}: saved step {self.steps} in {self.folder}; start it again to go on", file=sys.stderr)
            raise SystemExit(128 + number)

    def save(self) -> None:
        """Write a checkpoint now; every rank must call."""
        run = {"steps": self.steps, "generators": self.ranks.gather(random_state())}
        files, structure = portable.gather({**self.parts, "run": run})
        if self.ranks.rank == 0:
            portable.write(self.folder / f"step-{self.steps:08d}", files, structure)
            portable.prune(self.folder, self.keep)
        self.ranks.barrier()

    def close(self) -> None:
        """Stop listening for signals."""
        self._agreement.settle()
        self._signals.close()


PREEMPTED = 128 + signal.SIGTERM
"""Exit code of a run that SIGTERM stopped, with its state saved."""
