"""What a run is made of, whether a recipe names it or the caller hands it over: networks, data, loss."""

import copy
import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from apus.compress.digests import callable_digest, files_digest, network_digest, split_digest
from apus.compress.objects import is_reference, resolve, source_digest
from apus.compress.recipe import Recipe
from apus.compress.recipe_stages import AugmentPart
from apus.data import ArrayBatches, Arrays, Augment, Batches, Dataset, LoaderBatches, load
from apus.data.sources import CLASSES
from apus.data.texts import TextBatches, Texts
from apus.errors import DataError, RecipeError
from apus.training import Loss

Split = Arrays | TorchDataset[Any] | Any
"""In-memory arrays, a torch data set of (x, y), or a loader of batches (x, y)."""

EVALUATION_BATCH = 500
NAMED = tuple(CLASSES)


@dataclass(frozen=True)
class Splits:
    """The examples of a run."""

    name: str
    train: Split
    valid: Split
    test: Split
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """How to make each part of a run.

    Attributes:
        teacher: a new, untrained teacher, or the caller's trained one.
        student: a new, untrained student.
        splits: reads the data.
        loss: of outputs and targets; None is the built-in cross entropy.
        digests: part → digest of its code or content, for fingerprints.
        teacher_is_trained: the teacher needs no training.
    """

    teacher: Callable[[], nn.Module]
    student: Callable[[], nn.Module]
    splits: Callable[[], Splits]
    loss: Loss | None
    digests: dict[str, str]
    teacher_is_trained: bool = False

    def judge(self) -> Loss:
        """The loss that scores are told in."""
        return self.loss or F.cross_entropy


def from_recipe(recipe: Recipe) -> Sources:
    """Resolve everything that a recipe names.

    Args:
        recipe: names callables and data.

    Returns:
        The sources; nothing is built or read yet.

    Raises:
        RecipeError: a callable or a module does not exist.
    """
    makers = {}
    for part in ("teacher", "student"):
        settings = getattr(recipe, part)
        if not settings.model:
            raise RecipeError(f"[{part}] model is missing: name a callable, as 'pkg.module:callable'")
        makers[part] = _maker(resolve(settings.model, f"[{part}] model"), settings.arguments, f"[{part}] model")
    _check_paths(recipe)
    data, loss = recipe.data, None
    if is_reference(data.source):
        read = resolve(data.source, "[data] source")
        splits = lambda: as_splits(read(**data.arguments), data.source)  # noqa: E731
    else:
        splits = lambda: _named(recipe)  # noqa: E731
    if recipe.loss.function != "cross-entropy":
        loss = resolve(recipe.loss.function, "[loss] function")
    references = {"teacher": recipe.teacher.model, "student": recipe.student.model}
    references |= {"data": data.source, "loss": recipe.loss.function}
    digests = {part: source_digest(reference) for part, reference in references.items()}
    if not is_reference(data.source) and data.source not in NAMED:
        digests["data"] = files_digest(Path(data.source))
    if recipe.teacher.weights:
        digests["weights"] = hashlib.sha256(Path(recipe.teacher.weights).read_bytes()).hexdigest()[:16]
    return Sources(makers["teacher"], makers["student"], splits, loss, digests, bool(recipe.teacher.weights))


def from_objects(
    teacher: nn.Module, student: nn.Module, splits: Splits, loss: Loss | None, *, teacher_is_trained: bool
) -> Sources:
    """Take networks and data as objects.

    Args:
        teacher: any network.
        student: any network; is copied for each stage.
        splits: the examples.
        loss: of outputs and targets, or None.
        teacher_is_trained: do not train it.

    Returns:
        The sources; fingerprints follow what `digests` can see of networks, examples and loss.
    """
    digests = {"teacher": network_digest(teacher), "student": network_digest(student)}
    digests["data"] = " ".join(split_digest(each) for each in (splits.train, splits.valid, splits.test))
    digests["loss"] = callable_digest(loss)
    return Sources(_copier(teacher), _copier(student), lambda: splits, loss, digests, teacher_is_trained)


def as_splits(given: Any, name: str) -> Splits:
    """What a user's data callable returned, in one form.

    Args:
        given: a `Dataset`, or (train, valid) or (train, valid, test).
        name: for errors and the report.

    Returns:
        The splits; without a test split, validation serves as it.

    Raises:
        DataError: it is something else.
    """
    if isinstance(given, Dataset):
        return Splits(given.name, given.train, given.valid, given.test, given.classes)
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise DataError(f"{name} returned {type(given).__name__}: return (train, valid) or (train, valid, test)")
    train, valid, test = (as_split(each, name) for each in (*given, given[-1])[:3])
    return Splits(name, train, valid, test)


def as_split(given: Any, name: str) -> Split:
    """A pair of arrays or tensors becomes `Arrays`; data sets and loaders stay what they are."""
    if isinstance(given, tuple | list) and len(given) == 2:
        x, y = (np.asarray(each) for each in given)
        return Arrays(x.astype(np.float32) if x.dtype == np.float64 else x, y)
    if isinstance(given, Arrays | TorchDataset) or (hasattr(given, "__iter__") and hasattr(given, "__len__")):
        return given
    raise DataError(f"{name}: a split must be (x, y) arrays, a data set or a loader, not {type(given).__name__}")


def training_batches(split: Split, batch: int, augment: AugmentPart, seed: int) -> Batches:
    """Batches to learn from: shuffled, texts of like length together, and in-memory images augmented."""
    if isinstance(split, Texts) and augment == AugmentPart():
        return TextBatches(split, min(batch, len(split)), seed=seed)
    if isinstance(split, Arrays) and not isinstance(split, Texts):
        vary = Augment(augment.shift, augment.flip, augment.erase)
        return ArrayBatches(split, min(batch, len(split)), seed=seed, augment=None if vary == Augment() else vary)
    if augment != AugmentPart():
        raise RecipeError("[….augment] varies in-memory images alone; augment in your own loader")
    if isinstance(split, TorchDataset):
        split = DataLoader(split, batch, shuffle=True, drop_last=True)
    return LoaderBatches(split, seed=seed)


def evaluation_batches(split: Split) -> Batches:
    """Batches to judge by: every example once, always in the same order."""
    if isinstance(split, Arrays):
        return ArrayBatches(split, EVALUATION_BATCH, shuffle=False, whole=False)
    if isinstance(split, TorchDataset):
        split = DataLoader(split, EVALUATION_BATCH)
    return LoaderBatches(split)


def examples(split: Split) -> tuple[Tensor, Tensor]:
    """All inputs and targets of a split, as a network takes them."""
    pairs = list(evaluation_batches(split).epoch(0))
    return torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])


def _check_paths(recipe: Recipe) -> None:
    source, weights = recipe.data.source, recipe.teacher.weights
    if not (is_reference(source) or source in NAMED or Path(source).is_dir()):
        near = difflib.get_close_matches(source, NAMED, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f" (named: {', '.join(NAMED)})"
        raise RecipeError(f"[data] source = {source!r}: no such folder of images, nor a named source{hint}")
    if weights and not Path(weights).is_file():
        raise RecipeError(f"[teacher] weights = {weights!r}: no such file")


def _named(recipe: Recipe) -> Splits:
    part = recipe.data
    data = load(part.source, valid=part.valid, limit=part.limit, size=part.size, gray=part.gray)
    return Splits(data.name, data.train, data.valid, data.test, data.classes)


def _maker(make: Callable[..., Any], arguments: dict[str, Any], where: str) -> Callable[[], nn.Module]:
    def network() -> nn.Module:
        try:
            made = make(**arguments)
        except TypeError as error:
            raise RecipeError(f"{where}: calling it with {arguments} failed: {error}") from error
        if not isinstance(made, nn.Module):
            raise RecipeError(f"{where}: returned {type(made).__name__}, not a torch.nn.Module")
        return made

    return network


def _copier(model: nn.Module) -> Callable[[], nn.Module]:
    original = copy.deepcopy(model)
    return lambda: copy.deepcopy(original)
