"""`[search]`: what it may say, and what is refused before any work."""

from typing import Any

import pytest

from apus.compress.recipe import Recipe
from apus.compress.recipe_file import from_table, to_toml
from apus.compress.search_space import Range, read_search, with_values
from apus.errors import RecipeError


def recipe(**search: Any) -> Recipe:
    return from_table({"search": search, "student": {"arguments": {"width": 16}}})


def test_choices_and_ranges_are_read() -> None:
    space = {
        "prune.sparsity": {"low": 0.7, "high": 0.9},
        "student.arguments.width": [16, 32],
        "seed": {"low": 0, "high": 4},
    }
    search = read_search(recipe(trials=5, space=space))
    assert search.trials == 5
    assert search.space["prune.sparsity"] == Range(0.7, 0.9) and not search.space["prune.sparsity"].whole
    assert search.space["student.arguments.width"] == [16, 32]
    assert search.space["seed"].whole


def test_values_go_into_the_recipe() -> None:
    changed = with_values(recipe(trials=1), {"prune.sparsity": 0.9, "student.arguments.width": 24})
    assert (changed.prune.sparsity, changed.student.arguments["width"], changed.search) == (0.9, 24, {})


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({}, r"\[search.space\] is empty"),
        ({"trials": 0, "space": {"seed": [1]}}, "trials = 0"),
        ({"trails": 3}, "unknown key 'trails'"),
        ({"space": {"prune.sparsty": [0.5]}}, "did you mean 'sparsity'"),
        ({"space": {"prun.sparsity": [0.5]}}, r"no \[prun\]"),
        ({"space": {"prune.sparsity": ["high"]}}, "must be float"),
        ({"space": {"prune.sparsity": {"low": 0.5, "high": 1.5}}}, r"must lie in 0\.\.1"),
        ({"space": {"prune.sparsity": {"low": 0.9, "high": 0.5}}}, "low < high"),
        ({"space": {"prune.sparsity": []}}, "list of choices"),
    ],
)
def test_what_cannot_be_right_is_refused(search: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_search(recipe(**search))


def test_a_search_survives_toml() -> None:
    space = {"prune.sparsity": {"low": 0.7, "high": 0.9}}
    assert '"prune.sparsity"' in to_toml(recipe(trials=5, space=space))
