"""One training of a stage: the loop with the stage's technique plugged in, and what it leaves in the folder."""

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from apus.compress.folder import Done
from apus.compress.job import ORDER, Job
from apus.compress.sources import Split, evaluation_batches, training_batches
from apus.compress.teach import Lesson, Part
from apus.data import Batches
from apus.data.echo_loader import EchoedBatches, measure_factor
from apus.techniques import sparsity
from apus.training import LossTerm, Plugs, Stateful, Validation, fit, outputs, score

SEEDS_APART = 4  # between the seeds of two networks of one stage


def train(
    job: Job,
    stage: str,
    mark: str,
    model: nn.Module,
    part: Part,
    plugs: Plugs,
    extra: dict[str, Stateful] | None = None,
    finish: Callable[[], None] | None = None,
) -> Done:
    """Train a stage's network and keep it.

    Args:
        job: of the run.
        stage: its name.
        mark: its fingerprint.
        model: changed in place.
        part: of the recipe.
        plugs: the stage's technique; a `Lesson` for the loss may bring network and examples of its own.
        extra: state of the technique.
        finish: called after the last step; an average of weights knows no zeros.

    Returns:
        What `keep` returns.
    """
    lesson = plugs.loss
    network, split = (lesson.network, lesson.split) if isinstance(lesson, Lesson) else (model, None)
    history = fit_network(job, stage, mark, network, part, plugs, extra, split=split)
    if finish is not None:
        finish()
    return keep(job, stage, model, history)


def fit_network(
    job: Job,
    stage: str,
    mark: str,
    model: nn.Module,
    part: Part,
    plugs: Plugs,
    extra: dict[str, Stateful] | None = None,
    *,
    split: Split | None = None,
    place: int = 0,
) -> list[dict[str, Any]]:
    """One run of the loop.

    Args:
        job: of the run.
        stage: its name.
        mark: its fingerprint.
        model: changed in place.
        part: of the recipe.
        plugs: the stage's technique.
        extra: state of the technique.
        split: examples in the place of the run's own.
        place: counts the networks of a stage that trains several.

    Returns:
        A row per epoch.
    """
    seed = job.recipe.seed + ORDER.index(stage) + SEEDS_APART * place
    batches = training_batches(split or job.splits.train, part.train.batch, part.augment, seed)
    return fit(
        model,
        batches,
        part.train,
        dataclasses.replace(plugs, batches=_echo(job, stage, model, plugs.loss)),
        folder=job.folder.stage(stage) / str(place) if place else job.folder.stage(stage),
        fingerprint=mark,
        seed=seed,
        label=f"{stage} {place + 1}" if place else stage,
        valid=Validation(evaluation_batches(job.splits.valid), job.sources.judge()),
        extra=extra,
        runtime=job.runtime,
    )


def _echo(job: Job, stage: str, model: nn.Module, loss: LossTerm) -> Callable[[Batches], Batches]:
    """Data echoing as the recipe wants it; a factor that was measured is kept, so that a resumed run takes the same."""
    factor = job.recipe.data.echo

    def echoed(batches: Batches) -> Batches:
        if factor == 1:
            return batches
        measured = job.folder.stage(stage) / "echo.json"
        if not factor and not measured.exists():
            found = job.runtime.ranks.gather(_measure_echo(job, model, loss, batches))[0]
            job.folder.write_json(f"{stage}/echo.json", {"factor": found})
            job.runtime.ranks.barrier()
        chosen = factor or json.loads(measured.read_text())["factor"]
        return EchoedBatches(batches, chosen, seed=job.recipe.seed) if chosen > 1 else batches

    return echoed


def _measure_echo(job: Job, model: nn.Module, loss: LossTerm, batches: Batches) -> float:
    twin = job.runtime.place(copy.deepcopy(model))

    def of_batch(x: Tensor, y: Tensor) -> Tensor:
        x, y = job.runtime.to_device((x, y))
        return loss(twin(x).float(), y, x)

    return measure_factor(batches, of_batch)


def keep(job: Job, stage: str, model: nn.Module, history: list[dict[str, Any]]) -> Done:
    """Judge a stage's network, and write its weights and history.

    Args:
        job: of the run.
        stage: its name.
        model: trained; in evaluation mode afterwards.
        history: a row per epoch; none of a network that needed no training.

    Returns:
        Accuracies, loss, parameters, seconds and steps.
    """
    model.eval()
    judge = job.sources.judge()
    tested = score(*outputs(model, evaluation_batches(job.splits.test)), judge)
    checked = score(*outputs(model, evaluation_batches(job.splits.valid)), judge)
    alive, parameters = sparsity.parameters_alive(model)
    job.folder.write_weights(stage, model)
    job.folder.write_json(f"{stage}/history.json", history)
    facts = {"accuracy_pct": tested.accuracy_pct, "valid_accuracy_pct": checked.accuracy_pct, "loss": tested.loss}
    facts |= {"parameters": parameters, "nonzero_parameters": alive}
    return facts | {
        "seconds": history[-1]["seconds"] if history else 0.0,
        "steps": history[-1]["step"] if history else 0,
    }
