"""`[search]` of a recipe: which fields a search may change, and to what."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apus.compress.recipe import Recipe
from apus.compress.recipe_file import from_table, to_table
from apus.errors import RecipeError


@dataclass(frozen=True)
class Range:
    """A number between two ends, both included.

    Attributes:
        low: the lower end.
        high: the upper end.
        step: distance of the values tried; 0 tries any. Two whole ends and no step mean whole numbers.
        log: spread the trials evenly over orders of magnitude.
    """

    low: float
    high: float
    step: float = 0
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int) and float(self.step).is_integer()


@dataclass(frozen=True)
class Search:
    """What a search does.

    Attributes:
        trials: recipes to try, in all runs of the search together.
        space: field of the recipe, such as `prune.sparsity` → a list of choices, or a `Range`.
    """

    trials: int = 20
    space: Mapping[str, list[Any] | Range] = field(default_factory=dict)


def read_search(recipe: Recipe) -> Search:
    """The `[search]` part of a recipe, checked.

    ```toml
    [search]
    trials = 20
    [search.space]
    "prune.sparsity" = {low = 0.7, high = 0.95}
    "student.arguments.width" = [16, 24, 32]
    ```

    Args:
        recipe: with a `search` table.

    Returns:
        What to try, and how often.

    Raises:
        RecipeError: no space, an unknown key, or values that the recipe's field does not take.
    """
    table = recipe.search
    if unknown := set(table) - {"trials", "space"}:
        raise RecipeError(f"[search]: unknown key {min(unknown)!r} (keys: trials, space)")
    trials, space = table.get("trials", Search.trials), table.get("space", {})
    if type(trials) is not int or trials < 1:
        raise RecipeError(f"[search] trials = {trials!r}: must be a whole number, 1 or more")
    if not isinstance(space, Mapping) or not space:
        raise RecipeError('[search.space] is empty: name a field, such as "prune.sparsity" = {low = 0.7, high = 0.95}')
    read = {name: _values(name, values) for name, values in space.items()}
    for name, values in read.items():  # each end must be a value that the field takes
        for value in (values.low, values.high) if isinstance(values, Range) else values:
            with_values(recipe, {name: value})
    return Search(trials, read)


def _values(name: str, values: Any) -> list[Any] | Range:
    if isinstance(values, list) and values:
        return values
    if isinstance(values, Mapping) and {"low", "high"} <= set(values) <= {"low", "high", "step", "log"}:
        span = Range(**values)
        if span.low < span.high and not (span.log and (span.low <= 0 or span.step)):
            return span
    raise RecipeError(
        f"[search.space] {name} = {values!r}: give a list of choices, or {{low = …, high = …}} with low < high, "
        "and step, or log = true for positive ends"
    )


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """A recipe with some fields changed, and without its `[search]`.

    Args:
        recipe: the base; is not changed.
        values: field, such as `prune.sparsity` → value.

    Returns:
        The changed recipe, checked.

    Raises:
        RecipeError: no such field, or a value that it does not take.
    """
    table = copy.deepcopy(to_table(recipe)) | {"search": {}}
    for name, value in values.items():
        *sections, key = name.split(".")
        part = table
        for section in sections:
            if not isinstance(part.get(section), dict):
                raise RecipeError(f"[search.space] {name}: the recipe has no [{section}]")
            part = part[section]
        part[key] = value
    return from_table(table, "[search.space]")
