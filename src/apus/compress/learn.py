"""The stages that train: teacher, student, prune, quantize; each calls the one loop with its technique plugged in."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from apus.compress.folder import Done, RunFolder, load_weights
from apus.compress.recipe import Recipe
from apus.compress.sources import Sources, Split, Splits, evaluation_batches, training_batches
from apus.compress.teach import Lesson, Part, hard_loss
from apus.data import Batches
from apus.data.echo_loader import EchoedBatches, measure_factor
from apus.techniques import distill, quantize, sparsity
from apus.training import LossTerm, Plugs, Stateful, Validation, fit, here, outputs, score
from apus.training.checkpoint import seed_all

if TYPE_CHECKING:
    from apus.training.devices import Runtime

ORDER = ("teacher", "student", "prune", "quantize")


@dataclass
class Job:
    """All that a stage can ask for."""

    recipe: Recipe
    folder: RunFolder
    sources: Sources
    splits: Splits
    runtime: "Runtime" = field(default_factory=here)

    def __post_init__(self) -> None:
        self.example = next(iter(evaluation_batches(self.splits.valid).epoch(0)))[0]

    def made(self, which: str) -> nn.Module:
        """A new network with the weights that the seed gives it."""
        seed_all(self.recipe.seed + ORDER.index(which))
        if which != "teacher":
            return self.sources.student()
        count = self.recipe.teacher.count
        return (
            self.sources.teacher() if count == 1 else distill.MeanLogits([self.sources.teacher() for _ in range(count)])
        )

    def trained(self, stage: str) -> nn.Module:
        """The network as a finished stage left it, in evaluation mode."""
        if stage == "quantize":
            return self.folder.read_weights(stage, self.prepared(self.trained(before_quantize(self.recipe)))).eval()
        model = self.made("teacher" if stage == "teacher" else "student")
        return self.folder.read_weights(stage, model).eval()

    def prepared(self, model: nn.Module) -> nn.Module:
        """A float network with fake quantisation put in."""
        part = self.recipe.quantize
        bits = {"weight_bits": part.weight_bits, "activation_bits": part.activation_bits}
        tapped = bool(part.distil.hidden or part.distil.attention)  # a traced network has no inner modules to tap
        return quantize.prepare(
            model, self.example, skip=part.skip, embeddings=part.embeddings, trace=not tapped, **bits
        )

    def teacher(self) -> distill.Teacher:
        """The trained teacher, answering."""
        model = self.runtime.place(self.trained("teacher"))
        if self.runtime.device.type in ("cpu", "cuda") and any(p.ndim == 4 for p in model.parameters()):
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return distill.Teacher(model, bf16=self.recipe.teacher.train.bf16 and self.runtime.multiplies_bf16)


def before_quantize(recipe: Recipe) -> str:
    """The last stage that leaves a float student."""
    return "prune" if recipe.prune.enabled else "student"


def last_trained(recipe: Recipe) -> str:
    """The stage whose network is exported as the student."""
    return "quantize" if recipe.quantize.enabled else before_quantize(recipe)


def teacher(job: Job, mark: str) -> Done:
    """Train the large network, or take the one that the recipe or the caller has."""
    part, model = job.recipe.teacher, job.made("teacher")
    if part.weights:
        load_weights(Path(part.weights), model)
    if job.sources.teacher_is_trained:
        return _keep(job, "teacher", mark, model, [])
    if not isinstance(model, distill.MeanLogits):
        return _train(job, "teacher", mark, model, part, hard_loss(job, part))
    histories = [
        _fit(job, "teacher", f"{mark}-{place}", each, part, hard_loss(job, part), place=place)
        for place, each in enumerate(model.models)
    ]
    return _keep(job, "teacher", mark, model, [row for history in histories for row in history])


def student(job: Job, mark: str) -> Done:
    """Train the small network to answer as the large one does."""
    part, model = job.recipe.student, job.made("student")
    for own, other in part.initialise.items():
        large = job.trained("teacher")
        distill.initialise(model, large, distill.map_layers(model, large, own, other))
    job.runtime.place(model)
    with Lesson(job, part, part.distil, model) as lesson:
        return _train(job, "student", mark, model, part, lesson)


def prune(job: Job, mark: str) -> Done:
    """Take the student's smallest weights away while it goes on learning, or at once and make good by least squares."""
    part, model = job.recipe.prune, job.runtime.place(job.trained("student"))
    masks = sparsity.Masks(
        model,
        part.structure,
        skip=part.skip,
        levels=part.levels,
        target=part.target,
        balance=part.balance,
        gates=part.gates,
    )
    if part.method == "one-shot":
        sparsity.one_shot(model, masks, _some(job, part, part.calibrate), part.sparsity)
        return _keep(job, "prune", mark, model, []) | {"layers": sparsity.describe(masks)}
    if part.method == "rigl":
        masks.update(part.sparsity)
    after = _exchanged(job, masks) if part.method == "rigl" else _pruned(job, masks)
    with Lesson(job, part, part.distil, model) as lesson:
        done = _train(job, "prune", mark, model, part, lesson, after, {"masks": masks}, finish=masks.apply)
    return done | {"layers": sparsity.describe(masks)}


def _pruned(job: Job, masks: sparsity.Masks) -> Callable[[int, int], None]:
    """Magnitude pruning on the cubic schedule."""
    part = job.recipe.prune

    def after_step(step: int, steps: int) -> None:
        begin, end = round(part.begin * steps), max(1, round(part.end * steps))
        if step == end or (begin <= step < end and step % part.every == 0):
            masks.update(sparsity.cubic(step, begin=begin, end=end, final=part.sparsity))
        else:
            masks.apply()

    return after_step


def _exchanged(job: Job, masks: sparsity.Masks) -> Callable[[int, int], None]:
    """RigL: as sparse from the first step, and living blocks move; the gradients of the step are still there."""
    part = job.recipe.prune

    def after_step(step: int, steps: int) -> None:
        masks.apply()
        begin, end = round(part.begin * steps), max(1, round(part.end * steps))
        if begin <= step < end and step % part.every == 0:
            sparsity.regrow(masks, sparsity.cosine(step, end=end, alpha=part.exchange))

    return after_step


def quantise(job: Job, mark: str) -> Done:
    """Train the student with integer levels in place of floats."""
    part, model = job.recipe.quantize, job.prepared(job.trained(before_quantize(job.recipe)))
    job.runtime.place(model)
    quantize.calibrate(model, _some(job, part, part.calibrate))
    put_back = sparsity.hold_zeros(model)

    def after_step(step: int, steps: int) -> None:
        put_back()
        if step >= part.freeze * steps:
            quantize.observe(model, False)

    with Lesson(job, part, part.distil, model) as lesson:
        return _train(job, "quantize", mark, model, part, lesson, after_step, finish=put_back)


def _some(job: Job, part: Part, count: int) -> list[Tensor]:
    """The inputs of the first training batches."""
    batches = training_batches(job.splits.train, part.train.batch, part.augment, job.recipe.seed)
    return list(job.runtime.to_device([x for _, (x, _) in zip(range(count), batches.epoch(0), strict=False)]))


LEARN: dict[str, Callable[[Job, str], Done]] = {
    "teacher": teacher,
    "student": student,
    "prune": prune,
    "quantize": quantise,
}


def _train(
    job: Job,
    stage: str,
    mark: str,
    model: nn.Module,
    part: Part,
    loss: LossTerm,
    after_step: Callable[[int, int], None] | None = None,
    extra: dict[str, Stateful] | None = None,
    finish: Callable[[], None] | None = None,
) -> Done:
    network, split = (loss.network, loss.split) if isinstance(loss, Lesson) else (model, None)
    history = _fit(job, stage, mark, network, part, loss, after_step, extra, split=split)
    if finish is not None:
        finish()  # the average of weights knows no zeros
    return _keep(job, stage, mark, model, history)


def _fit(
    job: Job,
    stage: str,
    mark: str,
    model: nn.Module,
    part: Part,
    loss: LossTerm,
    after_step: Callable[[int, int], None] | None = None,
    extra: dict[str, Stateful] | None = None,
    *,
    split: Split | None = None,
    place: int = 0,
) -> list[dict[str, Any]]:
    """One run of the loop; `place` counts the networks of a stage that trains several."""
    seed = job.recipe.seed + ORDER.index(stage) + len(ORDER) * place
    batches = training_batches(split or job.splits.train, part.train.batch, part.augment, seed)
    return fit(
        model,
        batches,
        part.train,
        Plugs(_echo(job, stage, model, loss), loss, after_step=after_step),
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


def _keep(job: Job, stage: str, mark: str, model: nn.Module, history: list[dict[str, Any]]) -> Done:
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
