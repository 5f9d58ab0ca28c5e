"""What a stage's network learns from: its labels, the teacher's answers, and what goes on inside the teacher."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apus.compress.digests import network_digest
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
from apus.errors import RecipeError
from apus.techniques import distill
from apus.techniques.distill.logits import rows
from apus.training import LossTerm

if TYPE_CHECKING:
    from apus.compress.job import Job

Part = TeacherPart | StudentPart | PrunePart | QuantizePart | BitsPart
Inner = Callable[[Tensor], Tensor]
"""Inputs x of a batch → a loss on what the latest forward passes left in the taps."""
MOST_EXACT = 2**24  # whole numbers above it are not all float32


def name_of(part: Part) -> str:
    """The section of a recipe that a part stands in."""
    return type(part).__name__.removesuffix("Part").lower()


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
        self.job, self.part, self.where = job, part, f"[{name_of(part)}.distil]"
        self.inner: list[tuple[float, Inner]] = []
        self.mine: distill.Taps
        self.theirs: distill.Taps | distill.KeptStates
        self.stack, self.cached, self.shape = ExitStack(), False, torch.Size()
        self.kept: distill.KeptStates | None = None
        if how.loss == "none" and not (how.hidden or how.attention):
            return
        self.teacher = job.teacher()
        self._check_cache()
        if how.hidden or how.attention:
            self._tap(job.runtime.to_device(job.example[:2]), student)

    def __enter__(self) -> "Lesson":
        if self.how.cache and (self.how.loss != "none" or self.inner):
            with self.stack as taps:  # which go if the answers cannot be kept
                self._keep_answers()
                self.stack = taps.pop_all()
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
            y, places, answer = _unpack(y, self.shape)
            if self.kept is not None:
                self.kept.at(places, x.shape[1])
        else:
            answer = self.teacher(x)
        labelled = self.how.loss == "none" or self.how.alpha < 1
        loss = self.hard(z, y, x) if labelled else z.new_zeros(())
        if self.how.loss != "none":
            loss = distill.distil_loss(loss, self._soft(z, answer, y, x), self.how.alpha)
        for weight, term in self.inner:
            loss = loss + weight * term(x)
        return loss

    def _soft(self, z: Tensor, answer: Tensor, y: Tensor, x: Tensor) -> Tensor:
        """The loss against the teacher's outputs."""
        how = self.how
        if z.shape != answer.shape:
            raise RecipeError(f"{self.where} the student gives {tuple(z.shape)}, the teacher {tuple(answer.shape)}")
        z, answer, y = _counted(how, z, answer, y, x)
        if not len(z):
            return z.sum()  # nothing counts here
        if how.loss == "mse":
            return distill.logits_mse(z, answer)
        if how.loss == "dist":
            return distill.dist_loss(z, answer, between=how.between, within=how.within, temperature=how.temperature)
        if how.loss == "dkd":
            return distill.dkd_loss(z, answer, y, alpha=how.target, beta=how.others, temperature=how.temperature)
        return distill.soft_targets(z, answer, how.temperature)

    def _check_cache(self) -> None:
        if not self.how.cache:
            return
        still = self.part.augment == AugmentPart() and self.job.recipe.data.echo == 1
        if not isinstance(self.split, Arrays):
            raise RecipeError(
                f"{self.where} cache keeps answers to examples in memory, not of a loader: set cache = false"
            )
        if not still:
            raise RecipeError(
                f"{self.where} cache keeps answers to examples as they are: leave out augment and echo of this stage,"
                " or set cache = false"
            )
        _check_classes(self.split.y, self.where)
        x = as_input(self.split.x[:1])
        if (self.how.hidden or self.how.attention) and (x.is_floating_point() or x.ndim != 2 or self.how.padding < 0):
            raise RecipeError(
                f"{self.where} cache keeps hidden and attention of texts alone, tokens (N, T) with a token of padding:"
                " set padding, or cache = false"
            )

    def _keep_answers(self) -> None:
        assert isinstance(self.split, Arrays)
        x, file = as_input(self.split.x), self.job.folder.stage("teacher") / "answers.safetensors"
        mark = network_digest(self.teacher.model)
        answers = self._keep_states(x) if self.inner else distill.cached_outputs(file, self.teacher, x, mark=mark)
        self.split, self.cached = replace(self.split, y=_pack(self.split.y, answers.flatten(1).numpy())), True
        self.shape = answers.shape[1:]

    def _keep_states(self, x: Tensor) -> Tensor:
        self.taps.__exit__(None, None, None)
        self.theirs = self.kept = distill.KeptStates(self.teacher, list(self.taps.modules), x, self.how.padding)
        return self.kept.answers

    def _tap(self, example: Tensor, student: nn.Module) -> None:
        kinds = {"hidden": self.how.hidden, "attention": self.how.attention}
        pairs = {kind: self._pairs(student, mapping) for kind, mapping in kinds.items()}
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
        mine = self.mine[name]
        dim = self.how.feature_dim or (1 if mine.ndim == 4 else -1)
        term: Callable[[Tensor, Tensor, Tensor | None], Tensor] = partial(distill.hidden_cosine, dim=dim)
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

        try:
            with torch.no_grad():
                compared(None)
        except (ValueError, RuntimeError) as error:
            raise RecipeError(f"{self.where} {kind}: {name} → {other}: {error}") from None
        self.inner.append((weight, lambda x: compared(_real(x, self.how.padding))))

    def _pairs(self, student: nn.Module, mapping: dict[str, str]) -> list[tuple[str, str]]:
        try:
            maps = [distill.map_layers(student, self.teacher.model, own, other) for own, other in mapping.items()]
        except ValueError as error:
            raise type(error)(f"{self.where} {mapping}: {error}") from None
        return [pair for found in maps for pair in found.items()]


class _WithProjections(nn.Module):
    """The student as it is, and beside it what only its training needs."""

    def __init__(self, student: nn.Module, projections: nn.ModuleList) -> None:
        super().__init__()
        self.student, self.projections = student, projections

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.student(x)
        return answer


def _counted(how: DistilPart, z: Tensor, answer: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs, answers and labels of what counts, a row each: no padding, and for DKD nothing without a label."""
    if z.ndim < 2:
        return z, answer, y
    classes = how.class_dim if z.ndim > 2 else -1
    places, real = z.movedim(classes, -1).shape[:-1], _real(x, how.padding)
    z, answer = rows(z, classes), rows(answer, classes)
    counts = real.flatten() if real is not None and real.shape == places else None
    if how.loss == "dkd":
        y = y.flatten()
        counts = y >= 0 if counts is None else counts & (y >= 0)
    if counts is None:
        return z, answer, y
    return z[counts], answer[counts], y[counts] if how.loss == "dkd" else y


def _real(x: Tensor, padding: int) -> Tensor | None:
    """Places of integer inputs (N, T) that hold no padding."""
    return None if padding < 0 or x.is_floating_point() else x != padding


def _check_classes(y: np.ndarray, where: str) -> None:
    if y.ndim != 1 or y.dtype.kind not in "iu" or max(y.max(), len(y)) >= MOST_EXACT:
        raise RecipeError(f"{where} cache needs classes as targets; set cache = false")


def _pack(y: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Classes, the places and the answers of examples, float32 (N, 2 + outputs)."""
    return np.concatenate([y[:, None], np.arange(len(y))[:, None], answers], 1, dtype=np.float32)


def _unpack(y: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor, Tensor]:
    return y[:, 0].long(), y[:, 1].long(), y[:, 2:].reshape(-1, *shape)
