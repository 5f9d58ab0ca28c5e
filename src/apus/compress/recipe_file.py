"""Recipes from and to TOML. Whatever cannot be right is refused, with the nearest thing that could."""

import dataclasses
import difflib
import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from apus._files import existing_file
from apus.compress.recipe import Recipe
from apus.compress.recipe_ranges import check_ranges
from apus.compress.recipe_stages import BitsPart
from apus.compress.sparseml import read_sparseml
from apus.errors import RecipeError

T = TypeVar("T")


def read_recipe(path: Path, sparseml: Path | None = None) -> Recipe:
    """Read a recipe file.

    Args:
        path: a TOML file.
        sparseml: a recipe of SparseML, whose pruning and quantisation hold where the TOML file says nothing of a key.

    Returns:
        The recipe; what the file leaves out has its default.

    Raises:
        RecipeError: no such file, not TOML, an unknown key, a wrong type, or a value out of its range; names file,
            section and key.
    """
    try:
        table = tomllib.loads(existing_file(path).read_text())
    except FileNotFoundError as error:
        raise RecipeError(str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not TOML: {error}") from None
    table.setdefault("name", path.stem)
    if sparseml is not None:
        table = _over(read_sparseml(sparseml), table)
    return from_table(table, str(path))


def _over(below: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """A table's keys, and those of another one that it does not have."""
    both = {key: _over(below[key], table[key]) for key in below.keys() & table.keys() if isinstance(table[key], dict)}
    return {**below, **table, **both}


def from_table(table: Mapping[str, Any], origin: str = "recipe") -> Recipe:
    """Make a recipe of nested dictionaries.

    Args:
        table: as TOML gives them.
        origin: named in errors.

    Returns:
        The recipe.

    Raises:
        RecipeError: an unknown key, a wrong type, or a value out of its range.

    >>> from_table({"prune": {"sparsity": 0.9}}).prune.sparsity
    0.9
    """
    recipe = _build(Recipe, table, origin, "")
    check_ranges(recipe, origin)
    return recipe


def to_table(recipe: Recipe) -> dict[str, Any]:
    """A recipe as nested dictionaries, every default written out, but `[bits]` only where something was said of it."""
    table = dataclasses.asdict(recipe)
    if recipe.bits == BitsPart():  # the table travels in every artifact, and most have nothing of it
        del table["bits"]
    return table


def to_toml(recipe: Recipe) -> str:
    """A recipe as TOML, as `to_table` has it; reading it gives the same recipe."""
    return "\n".join(_lines(to_table(recipe), "")).strip() + "\n"


def _build(kind: type[T], table: Any, origin: str, section: str, base: T | None = None) -> T:
    """`base` is what holds where the table says nothing: a stage's own defaults, which may not be those of its kind."""
    where = f"{origin}: [{section}]" if section else f"{origin}"
    if not isinstance(table, Mapping):
        raise RecipeError(f"{where}: must be a table of keys, not {table!r}")
    hints = get_type_hints(kind)
    for key in table:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1, cutoff=0.0)[0]
            raise RecipeError(f"{where}: unknown key {key!r}; did you mean {near!r}? (keys: {', '.join(hints)})")
    inner = f"{section}." if section else ""
    held = kind() if base is None else base
    given = {
        key: _value(hints[key], value, origin, f"{inner}{key}", getattr(held, key)) for key, value in table.items()
    }
    return dataclasses.replace(held, **given)  # type: ignore[type-var]


def _value(hint: Any, value: Any, origin: str, place: str, base: Any = None) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, origin, place, base)  # type: ignore[arg-type]
    section, _, key = place.rpartition(".")
    where = f"{origin}: [{section}] {key}" if section else f"{origin}: {key}"
    if get_origin(hint) is Literal:
        return _choice(get_args(hint), value, where)
    if get_origin(hint) is list:
        if not isinstance(value, list):
            raise RecipeError(f"{where} = {value!r}: must be a list of {get_args(hint)[0].__name__}")
        return [_value(get_args(hint)[0], each, origin, place) for each in value]
    if get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise RecipeError(f"{where} = {value!r}: must be a table")
        kind = get_args(hint)[1]
        return {k: v if kind is Any else _value(kind, v, origin, place) for k, v in value.items()}
    return _scalar(hint, value, where)


def _choice(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value in choices:
        return value
    near = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.0)[0]
    raise RecipeError(f"{where} = {value!r}: did you mean {near!r}? (choices: {', '.join(choices)})")


def _scalar(hint: type, value: Any, where: str) -> Any:
    if hint is float and type(value) is int:
        value = float(value) if abs(value) < 2**1023 else math.inf
    if type(value) is not hint:
        raise RecipeError(f"{where} = {value!r}: must be {hint.__name__}, not {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{where} = {value!r}: must be a finite number")
    return value


def _lines(table: dict[str, Any], section: str) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"\n[{section}]"] if section and (plain or not table) else []
    lines += [f"{_key(key)} = {_literal(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict) and value:
            lines += _lines(value, f"{section}.{_key(key)}" if section else _key(key))
    return lines


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else json.dumps(key)


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(each) for each in value) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
