"""From a trained network to a small, fast, verified `.apus` file: `apus.compress(...)`, `apus compress recipe.toml`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apus._torch import torch
from apus._verb import make_callable
from apus.compress.deliver import models
from apus.compress.folder import RunFolder
from apus.compress.job import last_trained
from apus.compress.recipe import Recipe
from apus.compress.recipe_file import from_table, read_recipe
from apus.compress.road import plan, run, stages_of
from apus.compress.sources import Splits, as_split, from_objects, from_recipe
from apus.errors import RecipeError
from apus.training import Loss


@dataclass(frozen=True)
class Result:
    """What a run left: its folder, the `.apus` and ONNX files of the student, and the report."""

    folder: Path
    apus: Path
    onnx: Path
    report: dict[str, Any]


def compress(
    teacher: torch.nn.Module,
    student: torch.nn.Module,
    train: Any,
    valid: Any,
    recipe: Recipe | Mapping[str, Any] | str | Path = Recipe(),  # noqa: B008 - frozen
    *,
    test: Any = None,
    loss: Loss | None = None,
    run_dir: str | Path | None = None,
    train_teacher: bool = False,
) -> Result:
    """Distil, prune, quantise, export, compile and verify a student of a trained teacher; resumes where it was stopped.

    A stage runs again when something that shapes it has changed: the recipe, weights, the source of your network's
    classes, of the loss and of the data set's class, arrays and tensors. Of another data set its number of examples,
    the first and the last, and the files that it lists in `samples`, by name and size, are compared. What is not seen:
    functions that your classes or loss call, other examples, the inside of a sampler or of a loader of another kind.
    After such a change take another `run_dir`, or delete the old one.

    Args:
        teacher: a trained network; is not changed.
        student: a network with the same inputs and outputs; is not changed.
        train: DataLoader of (x, y), data set of (x, y), or pair of arrays.
        valid: the same, for validation.
        recipe: how; a `Recipe`, nested dictionaries, or the path of a TOML file. Its models and data are not used.
        test: the same as `train`, for the final figures; `valid` when not given.
        loss: of outputs and targets; cross entropy when not given.
        run_dir: the folder of the run; `runs/<recipe's name>` when not given.
        train_teacher: the teacher is not trained yet: train it first.

    Returns:
        Where the files are, and the report.

    Raises:
        RecipeError: the recipe is wrong.
        VerificationError: the delivered file is not the trained network.
        Stopped: on SIGINT or SIGTERM, after saving.
    """
    whole = as_recipe(recipe)
    judged = valid if test is None else test
    splits = Splits("your data", as_split(train, "train"), as_split(valid, "valid"), as_split(judged, "test"))
    sources = from_objects(teacher, student, splits, loss, teacher_is_trained=not train_teacher)
    folder = RunFolder(Path(run_dir) if run_dir else Path("runs") / whole.name)
    run(whole, sources, folder)
    return result(whole, folder)


def as_recipe(recipe: Recipe | Mapping[str, Any] | str | Path) -> Recipe:
    """A recipe in any of the forms that a caller may have it in.

    Args:
        recipe: a `Recipe`, nested dictionaries, or the path of a TOML file.

    Returns:
        The recipe, checked.

    Raises:
        RecipeError: it is wrong, or of another type.
    """
    if isinstance(recipe, Recipe):
        return from_table(dataclasses.asdict(recipe))
    if isinstance(recipe, Mapping):
        return from_table(recipe)
    if isinstance(recipe, str | Path):
        return read_recipe(Path(recipe))
    raise RecipeError(f"recipe must be a Recipe, a dictionary or a path, not {type(recipe).__name__}")


def result(recipe: Recipe, folder: RunFolder) -> Result:
    """What a finished run left."""
    apus, onnx = (models(recipe, folder.path, suffix)[last_trained(recipe)] for suffix in (".apus", ".onnx"))
    return Result(folder.path, apus, onnx, folder.read_json("report.json"))


__verb__ = compress
make_callable(__name__)

__all__ = [
    "Recipe",
    "Result",
    "RunFolder",
    "as_recipe",
    "compress",
    "from_recipe",
    "plan",
    "read_recipe",
    "result",
    "run",
    "stages_of",
]
