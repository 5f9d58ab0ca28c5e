"""The stages that train, each the one loop with its technique plugged in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from apus.compress.fitting import fit_network, keep, train
from apus.compress.folder import Done, load_weights
from apus.compress.job import Job, before_quantize
from apus.compress.latency import layer_costs
from apus.compress.sources import training_batches
from apus.compress.teach import Lesson, Part, hard_loss
from apus.techniques import bayesian_bits as bb
from apus.techniques import distill, quantize, sparsity
from apus.training import Plugs
from apus.training.options import Group


def teacher(job: Job, mark: str) -> Done:
    """Train the large network, or take the one that the recipe or the caller has."""
    part, model = job.recipe.teacher, job.made("teacher")
    if part.weights:
        load_weights(Path(part.weights), model)
    if job.sources.teacher_is_trained:
        return keep(job, "teacher", model, [])
    if not isinstance(model, distill.MeanLogits):
        return train(job, "teacher", mark, model, part, Plugs(loss=hard_loss(job, part)))
    histories = [
        fit_network(job, "teacher", f"{mark}-{place}", each, part, Plugs(loss=hard_loss(job, part)), place=place)
        for place, each in enumerate(model.models)
    ]
    return keep(job, "teacher", model, [row for history in histories for row in history])


def student(job: Job, mark: str) -> Done:
    """Train the small network to answer as the large one does."""
    part, model = job.recipe.student, started(job)
    job.runtime.place(model)
    with Lesson(job, part, part.distil, model) as lesson:
        return train(job, "student", mark, model, part, Plugs(loss=lesson))


def started(job: Job) -> nn.Module:
    """The student before its first step, with those of the teacher's weights that it starts from."""
    model = job.made("student")
    for own, other in job.recipe.student.initialise.items():
        large = job.trained("teacher")
        distill.initialise(model, large, distill.map_layers(model, large, own, other))
    return model


def masks_of(job: Job, model: nn.Module) -> sparsity.Masks:
    """The masks that `[prune]` asks for."""
    part = job.recipe.prune
    return sparsity.Masks(
        model,
        part.structure,
        skip=part.skip,
        levels=part.levels,
        target=part.target,
        balance=part.balance,
        gates=part.gates,
    )


def prune(job: Job, mark: str) -> Done:
    """Take the student's smallest weights away while it goes on learning, or at once and make good by least squares."""
    part, model = job.recipe.prune, job.runtime.place(job.trained("student"))
    masks = masks_of(job, model)
    if part.method == "one-shot":
        sparsity.one_shot(model, masks, _some(job, part, part.calibrate), part.sparsity)
        return keep(job, "prune", model, []) | {"layers": sparsity.describe(masks)}
    after = sparsity.gradually(masks, part.sparsity, begin=part.begin, end=part.end, every=part.every)
    if part.method == "rigl":
        masks.update(part.sparsity)
        after = _exchanged(job, masks)
    with Lesson(job, part, part.distil, model) as lesson:
        plugs = Plugs(loss=lesson, after_step=after)
        done = train(job, "prune", mark, model, part, plugs, {"masks": masks}, lambda: _settle(masks, part.sparsity))
    return done | {"layers": sparsity.describe(masks)}


def _settle(masks: sparsity.Masks, final: float) -> None:
    """After the last step, of which there may have been too few, even none, for the schedule."""
    if masks.sparsity < final:
        masks.update(final)
    masks.apply()


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
        return train(job, "quantize", mark, model, part, Plugs(loss=lesson, after_step=after_step), finish=put_back)


def bits(job: Job, mark: str) -> Done:
    """Learn each tensor's width and which outputs or blocks to prune, at a price; then hold them and train on."""
    part, model = job.recipe.bits, job.trained(before_quantize(job.recipe))
    measured = part.cost == "latency" and not part.prices
    model = job.runtime.place(job.with_bits(model, layer_costs(job, model) if measured else part.prices or None))
    put_back, held = sparsity.hold_zeros(model), _Held(model)

    def after_step(step: int, steps: int) -> None:
        put_back()
        if step >= part.freeze * steps:
            held.now()

    def finish() -> None:
        put_back()
        bb.freeze(model)

    with Lesson(job, part, part.distil, model) as lesson:
        plugs = Plugs(
            loss=lesson,
            penalty=lambda _: part.mu * bb.penalty(model),
            after_step=after_step,
            apart=lambda _: _apart(model, part.rate),
        )
        done = train(job, "bits", mark, model, part, plugs, {"held": held}, finish)
    return done | {"layers": bb.describe(model), "relative_bops_pct": bb.relative_bops(bb.learned(model, job.example))}


def _apart(model: nn.Module, peak: float) -> list[Group]:
    """Gates at one rate to the end; ranges slow down with the weights, which no longer could make good for them."""
    groups = bb.parameter_groups(model)
    return [{"params": groups["gates"], "peak": peak, "steady": True}, {"params": groups["ranges"], "peak": peak}]


class _Held:
    """Whether the gates are decided for good, which a resumed run must know before its first step."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.done = model, False

    def now(self) -> None:
        """Decide them, once."""
        if not self.done:
            bb.freeze(self.model)
        self.done = True

    def state_dict(self) -> dict[str, Any]:
        """A `Stateful`."""
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """A `Stateful`."""
        if state["done"]:
            self.now()


def _some(job: Job, part: Part, count: int) -> list[Tensor]:
    """The inputs of the first training batches."""
    batches = training_batches(job.splits.train, part.train.batch, part.augment, job.recipe.seed)
    return list(job.runtime.to_device([x for _, (x, _) in zip(range(count), batches.epoch(0), strict=False)]))


LEARN: dict[str, Callable[[Job, str], Done]] = {
    "teacher": teacher,
    "student": student,
    "prune": prune,
    "quantize": quantise,
    "bits": bits,
}
