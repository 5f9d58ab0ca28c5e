"""The road: stages in order, each done once, each known by a fingerprint of all that shapes it."""

import difflib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any

import torch

from apus import __version__
from apus._files import write_atomically
from apus.compress.collect import collect
from apus.compress.deliver import to_apus, to_onnx
from apus.compress.folder import Done, RunFolder, fingerprint
from apus.compress.job import Job
from apus.compress.learn import LEARN
from apus.compress.measure import measure
from apus.compress.recipe import Recipe
from apus.compress.recipe_file import to_toml
from apus.compress.rehearse import rehearse
from apus.compress.sources import Sources
from apus.compress.verify import verify
from apus.errors import RecipeError
from apus.techniques import sparsity
from apus.training import here

STAGES: dict[str, Callable[[Job, str], Done]] = {
    **LEARN,
    "export": to_onnx,
    "compile": to_apus,
    "verify": verify,
    "measure": measure,
    "report": collect,
}


@dataclass(frozen=True)
class Planned:
    """A stage of a plan; `done` is what it left behind when it need not run."""

    stage: str
    mark: str
    done: Done | None
    what: str


def stages_of(recipe: Recipe) -> list[str]:
    """The stages that a recipe has, in order."""
    return [s for s in STAGES if s not in ("prune", "quantize", "bits") or getattr(recipe, s).enabled]


def plan(recipe: Recipe, sources: Sources, folder: RunFolder) -> list[Planned]:
    """What a run would do.

    Args:
        recipe: of the run.
        sources: their digests are part of the fingerprints.
        folder: what is done already.

    Returns:
        Every stage in order.
    """
    mark = fingerprint(recipe.seed, recipe.threads, recipe.data, recipe.loss, sources.digests)
    planned = []
    for stage in stages_of(recipe):
        part = getattr(recipe, stage, None)
        mark = fingerprint(mark, stage, part, "" if stage in LEARN else __version__)
        planned.append(Planned(stage, mark, folder.done(stage, mark), _what(recipe, sources, stage)))
    return planned


def run(
    recipe: Recipe,
    sources: Sources,
    folder: RunFolder,
    only: Sequence[str] = (),
    again: bool = False,
    say: Callable[[str], None] | None = None,
) -> list[Done]:
    """Walk the road, past what is done. Under torchrun all ranks train, and rank 0 does the rest.

    Args:
        recipe: of the run.
        sources: networks, data, loss.
        folder: of the run.
        only: run these stages alone; those before them must be done.
        again: run the stages of `only` even if they are done.
        say: gets one line per stage; standard error by default.

    Returns:
        What each stage wrote.

    Raises:
        RecipeError: `only` names a stage that the recipe has not, or one before it is not done; or keys of a stage do
            not fit the networks or the data, which is said before anything is trained.
        Stopped: on SIGINT or SIGTERM, after saving.
    """
    _check_only(recipe, only)
    torch.set_num_threads(recipe.threads)
    runtime = here()
    folder.writes = runtime.is_main
    say = (say or _say) if runtime.is_main else _say_nothing
    records, job, planned = [], None, plan(recipe, sources, folder)
    runtime.ranks.barrier()  # all have seen what is done before anything changes
    if runtime.is_main:
        write_atomically(folder / "recipe.toml", to_toml(recipe))
    for each in planned:
        chosen = each.stage in only
        if each.done is not None and not (chosen and again):
            records.append(each.done)
            say(f"{each.stage:>10} done before{_figures(each.done)}")
            continue
        if only and not chosen:
            if each.stage in stages_of(recipe)[: stages_of(recipe).index(only[0])]:
                raise RecipeError(f"stage {each.stage} is not done, and {only[0]} needs it: leave out --stages once")
            continue
        if each.done is not None:
            folder.forget(each.stage)
        if job is None:
            job = Job(recipe, folder, sources, sources.splits(), runtime)
            rehearse(
                job, [p.stage for p in planned if p.stage in LEARN and (p.stage in only if only else p.done is None)]
            )
        if runtime.is_main or each.stage in LEARN:
            records.append(_walk(job, each, say))
        runtime.ranks.barrier()
    return records


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _say_nothing(_line: str) -> None:
    pass


def _walk(job: Job, each: Planned, say: Callable[[str], None]) -> Done:
    began = time.monotonic()
    say(f"{each.stage:>10} {each.what}")
    facts = STAGES[each.stage](job, each.mark)
    took = time.monotonic() - began
    done = job.folder.finish(each.stage, each.mark, {"wall_seconds": took} | facts)
    if each.stage == "prune":
        say(indent(sparsity.table(done["layers"]), " " * 11))
    say(f"{each.stage:>10} done in {took:.1f} s{_figures(done)}")
    return done


def _check_only(recipe: Recipe, only: Sequence[str]) -> None:
    known = stages_of(recipe)
    for stage in only:
        if stage not in known:
            near = difflib.get_close_matches(stage, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise RecipeError(f"no stage {stage!r} in this recipe{hint} (stages: {', '.join(known)})")


def _figures(done: Done) -> str:
    accuracy = done.get("accuracy_pct") or done.get("student_accuracy_pct")
    return "" if accuracy is None else f": {accuracy:.2f} % on the test split"


def _what(recipe: Recipe, sources: Sources, stage: str) -> str:
    """One line on what a stage does."""
    part: Any = getattr(recipe, stage, None)
    if stage == "teacher" and sources.teacher_is_trained:
        return "take the trained teacher"
    if stage in LEARN:
        prune, quantize, bits = recipe.prune, recipe.quantize, recipe.bits
        details = {
            "teacher": "train",
            "student": f"distil by {recipe.student.distil.loss}",
            "prune": f"prune {100 * prune.sparsity:g} % in {prune.structure}",
            "quantize": f"quantise weights to {quantize.weight_bits} bits, activations to {quantize.activation_bits},",
            "bits": f"learn widths and pruning of {bits.prune}, priced by {bits.cost},",
        }
        return f"{details[stage]} for {part.train.epochs:g} epochs"
    return {
        "export": "write ONNX",
        "compile": "write .apus",
        "verify": "hold the engine against ONNX Runtime and torch on the test split",
        "measure": f"time batches {recipe.measure.batches} on {recipe.measure.threads} threads",
        "report": "write report.json and report.html",
    }[stage]
