"""Fields of the JSON, each checked for kind and range (SPEC.md §6.1-3)."""

from collections.abc import Set
from typing import Any

import numpy as np

from apus.errors import ArtifactError

MAX_RANK = 8
INT32 = (-(2**31), 2**31 - 1)


def keys(fields: Any, where: str, required: Set[str], optional: Set[str] = frozenset()) -> dict[str, Any]:
    """`fields` as an object that has all `required` keys and none beyond `optional`."""
    found = mapping(fields, where).keys()
    missing, unknown = required - found, found - required - optional
    if missing:
        raise ArtifactError(f"{where}: {sorted(missing)[0]!r} is missing")
    if unknown:
        raise ArtifactError(f"{where}: unknown key {sorted(unknown)[0]!r}")
    return mapping(fields, where)


def mapping(field: Any, where: str) -> dict[str, Any]:
    """`field` as an object with any keys."""
    if not isinstance(field, dict):
        raise ArtifactError(f"{where}: not a JSON object")
    return field


def text(field: Any, where: str, allow_empty: bool = True) -> str:
    """`field` as a string."""
    if not isinstance(field, str) or not (field or allow_empty):
        raise ArtifactError(f"{where}: not a {'' if allow_empty else 'non-empty '}string")
    return field


def integer(field: Any, where: str, low: int = INT32[0], high: int = INT32[1]) -> int:
    """`field` as an integer within [low, high]."""
    if type(field) is not int or not low <= field <= high:  # bool is an int to isinstance, but not to JSON
        raise ArtifactError(f"{where}: not an integer in {low}..{high}")
    return field


def real(field: Any, where: str) -> float:
    """`field` as a float32 that is finite."""
    if type(field) not in (int, float):
        raise ArtifactError(f"{where}: not a number")
    with np.errstate(over="ignore"):
        number = float(np.float32(float(field)))
    if not np.isfinite(number):
        raise ArtifactError(f"{where}: not finite in float32")
    return number


def choice(field: Any, where: str, choices: frozenset[str]) -> str:
    """`field` as one of `choices`."""
    if not isinstance(field, str) or field not in choices:
        raise ArtifactError(f"{where}: {field!r} is not one of {' '.join(sorted(choices))}")
    return field


def items(field: Any, where: str) -> list[Any]:
    """`field` as a list."""
    if not isinstance(field, list):
        raise ArtifactError(f"{where}: not a list")
    return field


def integers(field: Any, where: str, low: int = INT32[0], length: int | None = None) -> list[int]:
    """`field` as a list of integers ≥ low, of the given length."""
    numbers = [integer(entry, where, low) for entry in items(field, where)]
    if length is not None and len(numbers) != length:
        raise ArtifactError(f"{where}: {len(numbers)} entries, not {length}")
    return numbers


def dims(field: Any, where: str, symbols: bool) -> list[int | str]:
    """`field` as a shape; `symbols` allows names for dimensions."""
    entries = items(field, where)
    if len(entries) > MAX_RANK:
        raise ArtifactError(f"{where}: rank {len(entries)} is above {MAX_RANK}")
    return [
        text(entry, where, allow_empty=False) if symbols and isinstance(entry, str) else integer(entry, where, 0)
        for entry in entries
    ]
