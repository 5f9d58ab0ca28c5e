"""What a stage's network learns from: its labels, the teacher's answers, and what goes on inside the teacher."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apus.compress.recipe_stages import (
    AugmentPart,
    BitsPart,
    DistilPart,
    PrunePart,
    QuantizePart,
    StudentPart,
    TeacherPart,
)
from apus.compress.sources import Split
from apus.data import Arrays
from apus.data.batches import as_input
from apus.errors import NothingMatchedError, RecipeError
from apus.techniques import distill
from apus.training import LossTerm

if TYPE_CHECKING:
    from apus.compress.job import Job

Part = TeacherPart | StudentPart | PrunePart | QuantizePart | BitsPart
Inner = Callable[[Tensor], Tensor]
"""Inputs x of a batch → a loss on what the latest forward passes left in the taps."""
MOST_EXACT = 2**24  # whole numbers above it are not all float32


def hard_loss(job: "Job", part: Part) -> LossTerm:
    """The loss against the labels alone.

    Args:
        job: of the run.
        part: of the stage.

    Returns:
        The built-in cross entropy, or the caller's own loss.

    Raises:
        RecipeError: smoothing is asked of a loss that is not ours.
    """
    own, smoothing = job.sources.loss, part.train.label_smoothing
    if own is not None and smoothing:
        raise RecipeError("label_smoothing belongs to the built-in cross entropy; your own loss must smooth by itself")

    def loss(z: Tensor, y: Tensor, x: Tensor) -> Tensor:
        return own(z, y) if own is not None else F.cross_entropy(z, y, label_smoothing=smoothing)

    return loss


class Lesson:
    """The loss against labels and teacher; use it as a context, so that its taps go when the stage ends.

    Args:
        job: of the run.
        part: of the stage.
        how: the teacher's help.
        student: who learns.

    Attributes:
        network: what to train: the student, with the projections of its hidden states where there are any.
        split: what to train on: the examples, with the teacher's answers beside their targets where these are cached.

    Raises:
        RecipeError: keys of `[….distil]` that do not go together or do not fit the networks.
    """

    network: nn.Module
    split: Split

    def __init__(self, job: "Job", part: Part, how: DistilPart, student: nn.Module) -> None:
        self.how, self.network, self.split, self.hard = how, student, job.splits.train, hard_loss(job, part)
        self.inner: list[tuple[float, Inner]] = []
        self.mine: distill.Taps
        self.theirs: distill.Taps | distill.KeptStates
        self.stack, self.cached = ExitStack(), False
        self.kept: distill.KeptStates | None = None
        if how.loss == "none" and not (how.hidden or how.attention):
            return
        self.teacher = job.teacher()
        if how.hidden or how.attention:
            self._tap(job.runtime.to_device(job.example[:2]), student)
        if how.cache:
            self._keep_answers(job, part)

    def __enter__(self) -> "Lesson":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.close()

    def __call__(self, z: Tensor, y: Tensor, x: Tensor) -> Tensor:
        """The loss of a batch; a `LossTerm`."""
        if self.how.loss == "none" and not self.inner:
            return self.hard(z, y, x)
        if self.cached:
            y, rows, answer = _unpack(y)
            if self.kept is not None:
                self.kept.at(rows, x.shape[1])
        else:
            answer = self.teacher(x)
        labelled = self.how.loss == "none" or self.how.alpha < 1
        loss = self.hard(z, y, x) if labelled else z.new_zeros(())
        if self.how.loss != "none":
            loss = distill.distil_loss(loss, _soft(self.how, z, answer, y), self.how.alpha)
        for weight, term in self.inner:
            loss = loss + weight * term(x)
        return loss

    def _keep_answers(self, job: "Job", part: Part) -> None:
        still = part.augment == AugmentPart() and job.recipe.data.echo == 1
        if not still or not isinstance(self.split, Arrays):
            raise RecipeError(
                "[….distil] cache keeps answers to in-memory examples as they are: leave out augment and echo of this"
                " stage, or set cache = false"
            )
        x = as_input(self.split.x)
        if self.inner:
            answers = self._keep_states(x)
        else:
            answers = distill.cached_outputs(job.folder.stage("teacher") / "answers.safetensors", self.teacher, x)
        self.split, self.cached = replace(self.split, y=_pack(self.split.y, answers.flatten(1).numpy())), True

    def _keep_states(self, x: Tensor) -> Tensor:
        if x.is_floating_point() or x.ndim != 2 or self.how.padding < 0:
            raise RecipeError(
                "[….distil] cache keeps hidden and attention of texts alone, tokens (N, T) with a token of padding: set"
                " padding, or cache = false"
            )
        self.taps.__exit__(None, None, None)
        self.theirs = self.kept = distill.KeptStates(self.teacher, list(self.taps.modules), x, self.how.padding)
        return self.kept.answers

    def _tap(self, example: Tensor, student: nn.Module) -> None:
        kinds = {"hidden": self.how.hidden, "attention": self.how.attention}
        pairs = {kind: _pairs(student, self.teacher.model, mapping) for kind, mapping in kinds.items()}
        own, others = ([pair[place] for found in pairs.values() for pair in found] for place in (0, 1))
        self.mine = self.stack.enter_context(distill.Taps(student, *own))
        self.theirs = self.taps = self.stack.enter_context(distill.Taps(self.teacher.model, *others))
        was = student.training
        with torch.no_grad():
            student.eval()(example)
        student.train(was)
        self.teacher(example)
        projections = nn.ModuleList()
        for name, other in pairs["hidden"]:
            self._add_hidden(name, other, len(pairs["hidden"]), projections)
        for name, other in pairs["attention"]:
            self._add(
                "attention", name, other, distill.attention_mse, self.how.attention_weight / len(pairs["attention"])
            )
        if len(projections):
            self.network = _WithProjections(student, projections)

    def _add_hidden(self, name: str, other: str, count: int, kept: nn.ModuleList) -> None:
        mine, dim = self.mine[name], 1 if self.mine[name].ndim == 4 else -1
        term: Callable[[Tensor, Tensor, Tensor | None], Tensor] = distill.hidden_cosine
        if self.how.hidden_loss == "mse":
            term = distill.HiddenLoss(mine.shape[dim], self.theirs[other].shape[dim], dim).to(mine.device)
            kept.append(term)
        self._add("hidden", name, other, term, self.how.hidden_weight / count)

    def _add(
        self, kind: str, name: str, other: str, term: Callable[[Tensor, Tensor, Tensor | None], Tensor], weight: float
    ) -> None:
        def compared(mask: Tensor | None) -> Tensor:
            mine = self.mine[name]
            return term(mine.float(), self.theirs[other].to(mine.device).float(), mask)

        _try(lambda: compared(None), f"{kind}: {name} → {other}")
        self.inner.append((weight, lambda x: compared(_real(x, self.how.padding))))


class _WithProjections(nn.Module):
    """The student as it is, and beside it what only its training needs."""

    def __init__(self, student: nn.Module, projections: nn.ModuleList) -> None:
        super().__init__()
        self.student, self.projections = student, projections

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.student(x)
        return answer


def _soft(how: DistilPart, z: Tensor, answer: Tensor, y: Tensor) -> Tensor:
    """The loss against the teacher's outputs."""
    if how.loss == "mse":
        return distill.logits_mse(z, answer.reshape(z.shape))
    if how.loss == "dist":
        return distill.dist_loss(z, answer, between=how.between, within=how.within, temperature=how.temperature)
    if how.loss == "dkd":
        return distill.dkd_loss(z, answer, y, alpha=how.target, beta=how.others, temperature=how.temperature)
    return distill.soft_targets(z, answer.reshape(z.shape), how.temperature)


def _pairs(student: nn.Module, teacher: nn.Module, mapping: dict[str, str]) -> list[tuple[str, str]]:
    try:
        maps = [distill.map_layers(student, teacher, own, other) for own, other in mapping.items()]
    except NothingMatchedError:
        raise
    except ValueError as error:
        raise RecipeError(f"[….distil] {mapping}: {error}") from None
    return [pair for found in maps for pair in found.items()]


def _try(term: Callable[[], Tensor], what: str) -> None:
    try:
        with torch.no_grad():
            term()
    except (ValueError, RuntimeError) as error:
        raise RecipeError(f"[….distil] {what}: {error}") from None


def _real(x: Tensor, padding: int) -> Tensor | None:
    """Places of integer inputs (N, T) that hold no padding."""
    return None if padding < 0 or x.is_floating_point() else x != padding


def _pack(y: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Targets, which must be classes, the places and the answers of examples, float32 (N, 2 + outputs)."""
    if y.ndim != 1 or y.dtype.kind not in "iu" or max(y.max(), len(y)) >= MOST_EXACT:
        raise RecipeError("[….distil] cache needs classes as targets; set cache = false")
    return np.concatenate([y[:, None], np.arange(len(y))[:, None], answers], 1, dtype=np.float32)


def _unpack(y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return y[:, 0].long(), y[:, 1].long(), y[:, 2:]
