"""Variants of recipes/text.toml that share its teacher: each is a run of its own, taken up again where it was killed.

The recipe's own run is runs/text, that of another seed runs/text-SEED, and a variant's lies in `variants` inside. A
stage that a variant has in common with the recipe is taken from there.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from apus.compress import Recipe, RunFolder, from_recipe, plan, read_recipe, run
from apus.compress.recipe_stages import DistilPart

RECIPE = read_recipe(Path("recipes/text.toml"))
ALONE = DistilPart(loss="none")
Facts = dict[str, Any]


def folder(seed: int) -> RunFolder:
    """Of the recipe's run with a seed."""
    return RunFolder(Path("runs") / (f"text-{seed}" if seed else "text"))


def of_seed(seed: int) -> Recipe:
    """The recipe with another seed; its teacher is another, too."""
    return replace(RECIPE, seed=seed)


def walked(name: str, recipe: Recipe, stages: Sequence[str]) -> Facts:
    """Run stages of a variant that were not finished before.

    Args:
        name: of the variant; empty is the recipe itself.
        recipe: differs from `of_seed` in what the variant is about.
        stages: in their order, without those that the variant shares with the recipe.

    Returns:
        What its last stage found.
    """
    own = folder(recipe.seed)
    where = RunFolder(own / "variants" / name) if name else own
    sources = from_recipe(recipe)
    if name:
        for shared in plan(of_seed(recipe.seed), sources, own):
            if shared.stage not in stages and shared.done and not where.record(shared.stage):
                shutil.copytree(own / shared.stage, where / shared.stage, copy_function=os.link, dirs_exist_ok=True)
    run(recipe, sources, where, stages)
    record = where.record(stages[-1])
    assert record is not None
    return record


def teacher(seed: int = 0) -> Facts:
    """The recipe's teacher."""
    return walked("", of_seed(seed), ["teacher"])


def student(seed: int = 0) -> Facts:
    """The recipe's dense student, after its teacher."""
    teacher(seed)
    return walked("", of_seed(seed), ["student"])


def median_length(x: np.ndarray) -> int:
    """Which row of tokens (N, T) has the median number of them."""
    lengths = (x != 0).sum(1)
    return int(np.abs(lengths - np.median(lengths)).argmin())
