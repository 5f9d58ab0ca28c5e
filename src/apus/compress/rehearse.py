"""A rehearsal: every stage that will train takes up its networks and a few examples, so that what cannot work is said
before the first step and not after hours.

Networks are untrained here, but for those that the caller hands over; their shapes, names and layers are the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from apus.compress.job import Job, before_quantize
from apus.compress.learn import masks_of, started
from apus.compress.sources import evaluation_batches
from apus.compress.teach import Lesson, Part, hard_loss
from apus.errors import ApusError, RecipeError
from apus.techniques import sparsity

FEW = 8  # examples


@dataclass
class Rehearsal(Job):
    """A run without weights: whatever was to be trained is as it was made."""

    def __post_init__(self) -> None:
        x, y = next(iter(evaluation_batches(self.splits.valid).epoch(0)))
        self.example, self.labels = x[:FEW], y[:FEW]

    def trained(self, stage: str) -> nn.Module:
        """The network of a stage, untrained, in evaluation mode."""
        return self.made("teacher" if stage == "teacher" else "student").eval()


def rehearse(job: Job, stages: Sequence[str]) -> None:
    """Try what the stages will do.

    Args:
        job: of the run.
        stages: those that will train.

    Raises:
        ApusError: of the kind that the stage raises, RecipeError for what torch says; names stage and reason.
    """
    trial = Rehearsal(job.recipe, job.folder, job.sources, job.splits, job.runtime)
    for stage in stages:
        try:
            STAGES[stage](trial)
        except (ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
            where = "" if str(error).startswith(f"[{stage}") else f"[{stage}] "
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            raise (type(error) if isinstance(error, ApusError) else RecipeError)(f"{where}{kind}{error}") from error


def _teacher(job: Rehearsal) -> None:
    part = job.recipe.teacher
    if job.sources.teacher_is_trained:
        if part.count > 1:
            raise RecipeError(f"[teacher] count = {part.count}: the teacher is trained already, and one")
        return
    model = job.runtime.place(job.made("teacher"))
    _learn(job, part, model, hard_loss(job, part))


def _student(job: Rehearsal) -> None:
    _taught(job, job.recipe.student, started(job))


def _prune(job: Rehearsal) -> None:
    part, model = job.recipe.prune, job.trained("student")
    masks = masks_of(job, model)
    masks.update(part.sparsity)
    if part.method == "one-shot":
        sparsity.fitted_layers(masks)
    else:
        _taught(job, part, model)


def _quantise(job: Rehearsal) -> None:
    _taught(job, job.recipe.quantize, job.prepared(job.trained(before_quantize(job.recipe))))


def _bits(job: Rehearsal) -> None:
    _taught(job, job.recipe.bits, job.with_bits(job.trained(before_quantize(job.recipe))))


def _taught(job: Rehearsal, part: Any, model: nn.Module) -> None:
    lesson = Lesson(job, part, part.distil, job.runtime.place(model))
    try:
        _learn(job, part, model, lesson)
    finally:
        lesson.stack.close()


@torch.no_grad()
def _learn(job: Rehearsal, part: Part, model: nn.Module, loss: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    x, y = job.runtime.to_device((job.example, job.labels))
    loss(model.eval()(x).float(), y, x)


STAGES: dict[str, Callable[[Rehearsal], None]] = {
    "teacher": _teacher,
    "student": _student,
    "prune": _prune,
    "quantize": _quantise,
    "bits": _bits,
}
