"""Values that would fail later, or mislead, are refused before any work."""

import dataclasses

import pytest

from apus.compress.recipe import Recipe
from apus.compress.recipe_file import from_table
from apus.compress.recipe_ranges import PER_STAGE, RULES
from apus.errors import RecipeError


def table(place, value):
    for key in reversed(place.split(".")):
        value = {key: value}
    return value


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("prune.sparsity", 1.5, "must lie in 0..1"),
        ("prune.levels", {"a.*": -3.0}, "must hold numbers of 0 or more"),
        ("prune.every", 0, "must be above 0"),
        ("data.valid", -5, "must be 0 or more"),
        ("data.limit", -5, "must be 0 or more"),
        ("data.size", -1, "must be 0 or more"),
        ("data.echo", 0.5, "must be at least 1, or 0 to measure it"),
        ("data.echo", -1.0, "must be at least 1, or 0 to measure it"),
        ("quantize.calibrate", 0, "must be above 0"),
        ("quantize.calibrate", -1, "must be above 0"),
        ("quantize.activation_bits", 1, "must lie in 2..8"),
        ("measure.seconds", 0.0, "must be above 0"),
        ("measure.seconds", -1.0, "must be above 0"),
        ("measure.batches", [1, 0], "must hold numbers above 0"),
        ("verify.steps", -1.0, "must be 0 or more"),
        ("verify.torch_steps", -1.0, "must be 0 or more"),
        ("verify.agreement", 300.0, "must lie in 0..100, it is in percent"),
        ("teacher.augment.shift", -2, "must be 0 or more"),
        ("quantize.augment.erase", -2, "must be 0 or more"),
        ("teacher.train.momentum", 7.0, "must lie in 0..1, below 1"),
        ("student.train.ema", 1.0, "must lie in 0..1, below 1"),
        ("prune.train.weight_decay", -1.0, "must be 0 or more"),
        ("prune.train.batch", 0, "must be above 0"),
        ("student.distil.temperature", 0.0, "must be above 0"),
        ("seed", -1, "must lie in 0..4294967295"),
        ("seed", 2**70, "must lie in 0..4294967295"),
        ("threads", 0, "must lie in 1..1024"),
        *[("name", name, "must be a plain word") for name in ("..", ".", "", "a/b", "a/", "/a", "a\\b", "a\nb")],
    ],
)
def test_section_key_and_range_are_named(place, value, said):
    with pytest.raises(RecipeError) as caught:
        from_table(table(place, value), "mine.toml")
    section, _, key = place.rpartition(".")
    assert str(caught.value).startswith(f"mine.toml: {f'[{section}] ' if section else ''}{key} = {value!r}: {said}")


def test_pruning_cannot_end_before_it_begins():
    with pytest.raises(RecipeError, match=r"\[prune\] begin = 0\.9: must not be above end = 0\.1"):
        from_table({"prune": {"begin": 0.9, "end": 0.1}})
    assert from_table({"prune": {"begin": 0.5, "end": 0.5}}).prune.begin == 0.5


def test_a_recipe_made_in_python_is_held_to_the_same():
    from apus.compress import as_recipe

    with pytest.raises(RecipeError, match=r"seed = -1"):
        as_recipe(dataclasses.replace(Recipe(), seed=-1))


def test_every_number_of_a_recipe_has_a_range():
    known = RULES | {f"{stage}.{part}": rules for stage in RULES for part, rules in PER_STAGE.items()}
    known |= {f"{stage}.{part}": rules for stage in ("teacher", "student") for part, rules in PER_STAGE.items()}

    def free(part, section):
        for field in dataclasses.fields(part):
            value, place = getattr(part, field.name), f"{section}.{field.name}".strip(".")
            if dataclasses.is_dataclass(value):
                yield from free(value, place)
            elif type(value) in (int, float) and field.name not in known.get(section, {}):
                yield place

    assert list(free(Recipe(), "")) == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"target": "global", "levels": {"a": 0.5}}, "levels are relative"),
        ({"target": "global", "gates": {"a": [1.0]}}, "levels are relative"),
        ({"balance": True, "gates": {"a": [1.0]}}, "gates have their own shares of rows"),
        ({"balance": True, "structure": "unstructured"}, "balance counts blocks"),
        ({"levels": {"a": 1.25}}, r"levels.a = 1.25: times sparsity = 0.8 must stay below 1"),
    ],
)
def test_options_of_pruning_that_contradict_each_other_are_refused(keys, said):
    with pytest.raises(RecipeError, match=rf"mine.toml: \[prune\] {said}"):
        from_table({"prune": {"sparsity": 0.8} | keys}, "mine.toml")
