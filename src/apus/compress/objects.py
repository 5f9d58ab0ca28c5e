"""`"pkg.module:callable"` → the callable, with an error that says which part of it is wrong and what is near."""

import difflib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apus.errors import RecipeError


def is_reference(text: str) -> bool:
    """Whether a recipe's text names a callable (as opposed to a built-in name or a path)."""
    module, colon, name = text.partition(":")
    return bool(colon) and name.isidentifier() and all(part.isidentifier() for part in module.split("."))


def resolve(reference: str, where: str) -> Callable[..., Any]:
    """Import a callable that a recipe names; the working directory is searched too.

    Args:
        reference: `pkg.module:callable`.
        where: the recipe's section and key, for errors.

    Returns:
        The callable.

    Raises:
        RecipeError: it is not of that form, or module or callable do not exist.

    >>> resolve("math:sqrt", "[loss] function")(4)
    2.0
    """
    if not is_reference(reference):
        raise RecipeError(f"{where} = {reference!r}: must be 'pkg.module:callable'")
    module_name, _, name = reference.partition(":")
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            near = _near(module_name.rpartition(".")[2], _siblings(module_name))
            raise RecipeError(f"{where} = {reference!r}: no module {error.name!r}{near}") from None
        raise RecipeError(f"{where} = {reference!r}: importing it failed: {error}") from error
    except Exception as error:
        raise RecipeError(f"{where} = {reference!r}: importing it failed: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    if found is not None:
        raise RecipeError(f"{where} = {reference!r}: {name} is a {type(found).__name__}, not a callable")
    public = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
    raise RecipeError(f"{where} = {reference!r}: {module_name} has no {name!r}{_near(name, public)}")


def source_digest(reference: str) -> str:
    """Digest of the file that a reference names, so that editing a model makes its stages run again."""
    if not is_reference(reference):
        return ""
    module = sys.modules.get(reference.partition(":")[0])
    file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ""


def _siblings(module_name: str) -> list[str]:
    parent = module_name.rpartition(".")[0]
    try:
        spec = importlib.util.find_spec(parent) if parent else None
    except ModuleNotFoundError:
        spec = None
    folders = list(spec.submodule_search_locations or []) if spec else [] if parent else [str(Path.cwd())]
    return [path.stem for folder in folders for path in Path(folder).glob("*.py")]


def _near(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"; did you mean {' or '.join(close)}?" if close else ""
