"""`apus search recipe.toml`: which recipes are worth their latency and bytes? A Pareto search that resumes.

Every trial walks the whole road in a folder of its own, named by what it tries; the teacher is trained once. Accuracy
is that of the validation split, so that the test split stays unseen; latency and bytes are measured on this machine.
Optuna's multi-objective sampler chooses, and its SQLite file in the run's folder remembers.
"""

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from apus.bench.results import row, write_results
from apus.compress import from_recipe, plan, run
from apus.compress.deliver import models
from apus.compress.folder import RunFolder, fingerprint
from apus.compress.job import last_trained
from apus.compress.measure import OURS
from apus.compress.recipe import MeasurePart, Recipe
from apus.compress.recipe_file import to_toml
from apus.compress.report import write_html
from apus.compress.search_space import Range, Search, read_search, with_values
from apus.errors import VerificationError

Entry = dict[str, Any]
FIGURES = ("accuracy_pct", "p50_us", "bytes")


def search(recipe: Recipe, folder: RunFolder, *, trials: int = 0, say: Callable[[str], None] = print) -> list[Entry]:
    """Try recipes until there are enough, counting those of earlier runs.

    Args:
        recipe: with a `[search]` part.
        folder: of the base recipe's run; the search lives in its `search/`.
        trials: how many in all; 0 takes the recipe's.
        say: gets one line per trial.

    Returns:
        Every trial: `number`, `values`, `accuracy_pct` (of the validation split), `p50_us`, `bytes` and `front`,
        whether none is better in all three. Also written to `search.json`, and drawn in `search.html`.

    Raises:
        RecipeError: the `[search]` part is wrong.
        VerificationError: no trial at all ended with a verified file.
    """
    wanted = read_search(recipe)
    _train_teacher(recipe, folder, say)
    study = _study(folder, recipe.seed)
    total = trials or wanted.trials
    while len(study.get_trials(states=[TrialState.COMPLETE])) < total:
        trial = study.ask()
        values = {name: _suggest(trial, name, span) for name, span in wanted.space.items()}
        try:
            figures = evaluate(recipe, folder, values, say)
        except VerificationError as error:
            study.tell(trial, state=TrialState.FAIL)
            say(f"trial {trial.number}: {error}")
            if len(study.trials) >= 2 * total and not study.get_trials(states=[TrialState.COMPLETE]):
                raise
            continue
        trial.set_user_attr("values", values)
        study.tell(trial, [figures[name] for name in FIGURES])
        say(f"trial {trial.number}: " + ", ".join(f"{name} {figures[name]:,.2f}" for name in FIGURES) + f" {values}")
        _write(recipe, wanted, folder, entries(study))
    _write(recipe, wanted, folder, entries(study))
    return entries(study)


def _study(folder: RunFolder, seed: int) -> optuna.Study:
    """The study as earlier runs left it; a trial that was cut off is asked for again, and its folder resumes."""
    (folder / "search").mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'search' / 'study.db'}",
        study_name="search",
        directions=["maximize", "minimize", "minimize"],
        load_if_exists=True,
    )
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=8)
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return study


def _suggest(trial: optuna.Trial, name: str, span: list[Any] | Range) -> Any:
    if isinstance(span, list):
        return span[trial.suggest_int(name, 0, len(span) - 1)]  # by place: a choice may be a list or a table
    if span.whole:
        return trial.suggest_int(name, int(span.low), int(span.high), step=int(span.step) or 1, log=span.log)
    return trial.suggest_float(name, span.low, span.high, step=span.step or None, log=span.log)


def _train_teacher(recipe: Recipe, folder: RunFolder, say: Callable[[str], None]) -> None:
    base = dataclasses.replace(recipe, search={})
    sources = from_recipe(base)
    if plan(base, sources, folder)[0].done is None:
        run(base, sources, folder, ["teacher"], say=say)


def evaluate(recipe: Recipe, folder: RunFolder, values: Mapping[str, Any], say: Callable[[str], None]) -> Entry:
    """Walk the road with `values`, in a folder that only they share, and read off the figures.

    Args:
        recipe: the base.
        folder: of the base; its trained teacher is taken over where it still fits.
        values: fields to change.
        say: gets one line per stage.

    Returns:
        `accuracy_pct`, `p50_us` and `bytes`.
    """
    changed = dataclasses.replace(with_values(recipe, values), measure=_quick(recipe.measure))
    own = RunFolder(folder / "search" / fingerprint(dict(values)))
    if not own.stage("teacher").exists():
        shutil.copytree(folder.stage("teacher"), own.stage("teacher"))
    run(changed, from_recipe(changed), own, say=say)
    (ours,) = [r for r in own.read_json("measure.json")["settings"][0]["rows"] if r["contender"] == OURS]
    record = own.record(last_trained(changed)) or {}
    size = models(changed, own.path, ".apus")[last_trained(changed)].stat().st_size
    return {"accuracy_pct": record["valid_accuracy_pct"], "p50_us": ours["p50_us"], "bytes": size}


def _quick(measure: MeasurePart) -> MeasurePart:
    """One setting is enough to tell recipes apart."""
    return dataclasses.replace(measure, batches=measure.batches[:1], threads=measure.threads[:1])


def entries(study: optuna.Study) -> list[Entry]:
    """The finished trials of a study, as `search` returns them."""
    front = {trial.number for trial in study.best_trials}
    return [
        dict(zip(FIGURES, trial.values, strict=True))
        | {"number": trial.number, "front": trial.number in front, "values": trial.user_attrs["values"]}
        for trial in study.get_trials(states=[TrialState.COMPLETE])
    ]


def _write(recipe: Recipe, wanted: Search, folder: RunFolder, trials: list[Entry]) -> None:
    """`search.json` and `search.html`, and the front in the base's own report when there is one."""
    rows = [
        row(f"trial-{t['number']}", name, t[name], unit, detail=t["values"])
        for t in trials
        if t["front"]
        for name, unit in zip(FIGURES, ("%", "us", "bytes"), strict=True)
    ]
    space = {name: span if isinstance(span, list) else dataclasses.asdict(span) for name, span in wanted.space.items()}
    found = {"trials": trials, "space": space}
    command = f"apus search {folder / 'recipe.toml'}"
    more = {"name": f"{recipe.name}: search", "search": found, "reproduce": command, "recipe_toml": to_toml(recipe)}
    result = write_results(folder / "search.json", "search", command, rows, threads=recipe.measure.threads[0], **more)
    write_html(result, folder / "search.html")
    _draw_into_report(Path(folder / "report.json"), found)


def _draw_into_report(path: Path, found: Entry) -> None:
    if path.is_file():
        write_html(json.loads(path.read_text()) | {"search": found}, path.with_suffix(".html"))
