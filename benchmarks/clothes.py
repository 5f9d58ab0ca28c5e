"""What the studies of Fashion-MNIST share: recipes/images.toml on one thread, and its teachers."""

from dataclasses import replace
from pathlib import Path

from apus.compress import read_recipe
from benchmarks.variants import Study

RECIPE = replace(read_recipe(Path("recipes/images.toml")), threads=1)
CLOTHES = Study(RECIPE, "images-study")
