"""Variants of a recipe that share its teacher: each is a run of its own, taken up again where it was killed.

A seed's own run is runs/NAME-SEED (runs/NAME for the first one of a recipe), a variant's lies in `variants` inside. A
stage that a variant has in common with the recipe of its seed is taken from there.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apus.compress import Recipe, RunFolder, from_recipe, plan, run
from apus.compress.recipe_stages import DistilPart

ALONE = DistilPart(loss="none")
Facts = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """Runs that descend from one recipe.

    Attributes:
        recipe: of seed 0.
        name: of the folders under runs.
    """

    recipe: Recipe
    name: str

    def folder(self, seed: int) -> RunFolder:
        """Of the recipe's run with a seed."""
        return RunFolder(Path("runs") / (f"{self.name}-{seed}" if seed else self.name))

    def of_seed(self, seed: int) -> Recipe:
        """The recipe with another seed; its teacher is another, too."""
        return replace(self.recipe, seed=seed)

    def walked(self, name: str, recipe: Recipe, stages: Sequence[str]) -> Facts:
        """Run stages of a variant that were not finished before.

        Args:
            name: of the variant; empty is the recipe itself.
            recipe: differs from `of_seed` in what the variant is about.
            stages: in their order, without those that the variant shares with the recipe.

        Returns:
            What its last stage found.
        """
        own = self.folder(recipe.seed)
        where = RunFolder(own / "variants" / name) if name else own
        sources = from_recipe(recipe)
        if name:
            for shared in plan(self.of_seed(recipe.seed), sources, own):
                if shared.stage not in stages and shared.done and not where.record(shared.stage):
                    shutil.copytree(own / shared.stage, where / shared.stage, copy_function=os.link, dirs_exist_ok=True)
        run(recipe, sources, where, stages)
        record = where.record(stages[-1])
        assert record is not None
        return record

    def teacher(self, seed: int = 0) -> Facts:
        """The recipe's teacher."""
        return self.walked("", self.of_seed(seed), ["teacher"])

    def student(self, seed: int = 0) -> Facts:
        """The recipe's dense student, after its teacher."""
        self.teacher(seed)
        return self.walked("", self.of_seed(seed), ["student"])
