"""The one loop: every stage trains with it, techniques enter at four places, a kill costs seconds and nothing else."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from apus.data import Batch, Batches
from apus.data.echo_loader import EchoedBatches
from apus.errors import DivergedError
from apus.training import checkpoint
from apus.training.agreement import Agreement
from apus.training.average import Average
from apus.training.evaluate import outputs, score
from apus.training.options import TrainOptions, make_optimizer
from apus.training.plugs import PLAIN, Plugs, Stateful, Validation
from apus.training.progress import Reporter, reporter
from apus.training.schedule import rate
from apus.training.stop import Flag, Stopped, on_signal

if TYPE_CHECKING:
    from apus.training.devices import Runtime

FETCH = 20  # steps between fetches of the losses, where a fetch makes somebody wait
_SAVE = 1 << 8  # beside a signal's number in what ranks agree on


@dataclass
class _Place:
    """How far a run is."""

    step: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def fit(
    model: nn.Module,
    batches: Batches,
    options: TrainOptions,
    plugs: Plugs = PLAIN,
    *,
    folder: Path | None = None,
    fingerprint: str = "",
    seed: int = 0,
    label: str = "train",
    valid: Validation | None = None,
    extra: Mapping[str, Stateful] | None = None,
    runtime: "Runtime | None" = None,
) -> list[dict[str, Any]]:
    """Train a network in place; a run that was killed goes on from its checkpoint and ends with the same bits.

    Under torchrun every rank reads the same batches and takes its rows; rank 0 writes the checkpoints.

    Args:
        model: the network.
        batches: the training data.
        options: of the run.
        plugs: techniques.
        folder: where `checkpoint.pt` lives while running; None keeps none.
        fingerprint: of everything that shapes the result; a checkpoint with another one is not used.
        seed: of all randomness.
        label: shown with the progress.
        valid: scored after each epoch.
        extra: state of techniques to keep in checkpoints.
        runtime: device and ranks; the network is moved to its device. None: `here()`.

    Returns:
        A row per epoch: step, epoch, loss, seconds, valid_loss and accuracy_pct where known.

    Raises:
        Stopped: on SIGINT or SIGTERM, after saving.
        DivergedError: the loss is no longer finite.
    """
    runtime = runtime or here()
    taken = dict(extra or {})
    return _Run(model, batches, options, plugs, folder, fingerprint, seed, label, valid, taken, runtime).train()


def here() -> "Runtime":
    """Where the stages of a recipe train: the device that `$APUS_DEVICE` names, else the CPU; torchrun's processes."""
    from apus.training.devices import Runtime  # torch.distributed takes a second to import

    return Runtime(os.environ.get("APUS_DEVICE", "cpu"))


class _Run:
    def __init__(
        self,
        model: nn.Module,
        batches: Batches,
        options: TrainOptions,
        plugs: Plugs,
        folder: Path | None,
        fingerprint: str,
        seed: int,
        label: str,
        valid: Validation | None,
        extra: dict[str, Stateful],
        runtime: "Runtime",
    ) -> None:
        self.model, self.options, self.plugs, self.valid, self.extra = model, options, plugs, valid, extra
        self.batches, self.label, self.fingerprint = plugs.batches(batches), label, fingerprint
        self.path = folder / "checkpoint.pt" if folder else None
        self.steps = max(1, round(options.epochs * len(self.batches))) if options.epochs else 0
        self.runtime, self.images = runtime, any(p.ndim == 4 for p in model.parameters())
        self.images = self.images and runtime.device.type in ("cpu", "cuda")  # a TPU lays memory out itself
        runtime.place(model)
        if self.images:
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        apart = plugs.apart(model) if plugs.apart else ()
        self.optimizer = make_optimizer(model, options, apart)
        self.average = Average(model, options.ema) if options.ema else None
        self.place, self.saved_at, self.saved_step, self.noted_at = _Place(), time.monotonic(), 0, 0.0
        self.losses: list[Tensor] = []  # not fetched yet
        self.fetch = 1 if runtime.device.type == "cpu" and runtime.ranks.world == 1 else FETCH
        checkpoint.seed_all(seed)
        self.random: dict[str, Any] | None = None
        self._resume()
        self.agree = Agreement(runtime.ranks)
        self.net = runtime.ranks.replicate(model)

    def train(self) -> list[dict[str, Any]]:
        self.model.train()
        with on_signal() as flag, reporter(self.label, self.steps, silent=not self.runtime.is_main) as shown:
            while self.place.step < self.steps:
                self._epoch(flag, shown)
        self.agree.settle()
        if self.average is not None:
            self.model.load_state_dict(self.average.model.state_dict())
        self.model.eval()
        return self.place.history

    def _epoch(self, flag: Flag, shown: Reporter) -> None:
        epoch, start = divmod(self.place.step, len(self.batches))
        for x, y in self._read(epoch, start):
            began = time.monotonic()
            self.losses.append(self._step(x, y))
            self.place.step += 1
            ended = self.place.step % len(self.batches) == 0 or self.place.step == self.steps
            save, number = self._asked(flag)
            if save or ended or len(self.losses) == self.fetch:
                shown.step(self.place.step, self._fetch_losses(), self._note(ended))
            self.place.seconds += time.monotonic() - began
            if ended:
                shown.epoch(self._close_epoch(epoch))
            self._save(save, number)
            if self.place.step == self.steps:
                return

    def _note(self, ended: bool) -> str:
        """What an echo measures, once a second and when an epoch ends."""
        if not isinstance(self.batches, EchoedBatches) or not (ended or time.monotonic() - self.noted_at >= 1):
            return ""
        self.noted_at = time.monotonic()
        return str(self.batches.measured())

    def _read(self, epoch: int, start: int) -> Iterator[Batch]:
        if self.random is None:
            yield from self.batches.epoch(epoch, start)
            return
        # Reading on to the position may draw random numbers, so the checkpoint's state is restored after it.
        source = self.batches.epoch(epoch, max(0, start - 1))
        if start:
            next(source)
        checkpoint.restore_random_state(self.random)
        self.random = None
        yield from source

    def _step(self, x: Tensor, y: Tensor) -> Tensor:
        share = rate(
            self.place.step,
            self.steps,
            schedule=self.options.schedule,
            warmup=self.options.warmup,
            final=self.options.final,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * (1.0 if group.get("steady") else share)
        (x, y), weight = self.runtime.part((x, y))
        if self.images and x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        bf16 = self.options.bf16 and self.runtime.gains_by_bf16
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            z = self.net(x)
        loss = self.plugs.loss(z.float(), y, x)
        if weight != 1:
            loss = loss * weight
        if isinstance(self.batches, EchoedBatches):
            self.batches.observe(z, y)
        if self.plugs.penalty is not None:
            loss = loss + self.plugs.penalty(self.model)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.options.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip)
        self.optimizer.step()
        if self.plugs.after_step is not None:
            self.plugs.after_step(self.place.step + 1, self.steps)
        if self.average is not None:
            self.average.update(self.model, self.place.step)
        return loss.detach()

    def _fetch_losses(self) -> float:
        """Add up the losses that still are on the device, the means over ranks; the last of them."""
        losses, self.losses = self.runtime.ranks.mean(torch.stack(self.losses)).tolist(), []
        for step, loss in enumerate(losses, self.place.step - len(losses)):
            self.place.loss_sum += self._finite(loss, step)
            self.place.loss_count += 1
        return float(losses[-1])

    def _finite(self, loss: float, step: int) -> float:
        if loss - loss == 0:
            return loss
        rate_now = self.optimizer.param_groups[0]["lr"]
        raise DivergedError(
            f"{self.label}: the loss is {loss} at step {step}, learning rate {rate_now:g}: lower it, or clip"
        )

    def _close_epoch(self, epoch: int) -> str:
        place = self.place
        row: dict[str, Any] = {"step": place.step, "epoch": place.step / len(self.batches)}
        row |= {"loss": place.loss_sum / place.loss_count, "seconds": place.seconds}
        place.loss_sum, place.loss_count = 0.0, 0
        text = f"epoch {epoch + 1} loss {row['loss']:.4f}"
        if self.valid is not None:
            judged = score(
                *outputs(self.average.model if self.average else self.model, self.valid.batches), self.valid.loss
            )
            row |= {"valid_loss": judged.loss, "accuracy_pct": judged.accuracy_pct}
            text += (
                f" valid {judged.loss:.4f}" if judged.accuracy_pct is None else f" valid {judged.accuracy_pct:.2f} %"
            )
        if isinstance(self.batches, EchoedBatches):
            row["echo"] = self.batches.measured().as_dict()
        place.history.append(row)
        return text

    def _asked(self, flag: Flag) -> tuple[bool, int]:
        """Whether to save now, and the signal to stop for, the same on all ranks."""
        since = self.place.step - self.saved_step
        due = time.monotonic() - self.saved_at >= self.options.checkpoint_seconds
        due = due or 0 < self.options.checkpoint_steps <= since
        asked = self.agree.ask(flag.number + _SAVE * due)
        return asked > 0 or self.place.step == self.steps, asked % _SAVE

    def _save(self, save: bool, number: int) -> None:
        if save and self.path is not None:
            if self.runtime.is_main:
                checkpoint.save(self.path, self._state())
            self.saved_at, self.saved_step = time.monotonic(), self.place.step
        if number:
            self.agree.settle()
            kept = "saved; run the same command again to go on" if self.path else "nothing was kept"
            raise Stopped(f"stopped: {self.label}, step {self.place.step} of {self.steps}, {kept}", number)

    def _state(self) -> dict[str, Any]:
        state = {
            "fingerprint": self.fingerprint,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.model.state_dict() if self.average else None,
            "extra": {name: each.state_dict() for name, each in self.extra.items()},
            "random": checkpoint.random_state(),
            "place": dict(vars(self.place)),
        }
        return pytree.tree_map_only(Tensor, Tensor.cpu, state)  # type: ignore[no-any-return]

    def _resume(self) -> None:
        state = checkpoint.load(self.path) if self.path else None
        if state is None or state["fingerprint"] != self.fingerprint:
            return
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.model.load_state_dict(state["average"])
        for name, each in self.extra.items():
            each.load_state_dict(state["extra"][name])
        self.place, self.random = _Place(**state["place"]), state["random"]
        self.saved_step = self.place.step
