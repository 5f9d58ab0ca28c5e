"""What the studies of recipes/text.toml share."""

from pathlib import Path

import numpy as np

from apus.compress import read_recipe
from benchmarks.variants import Study

RECIPE = read_recipe(Path("recipes/text.toml"))
TEXT = Study(RECIPE, "text")


def median_length(x: np.ndarray) -> int:
    """Which row of tokens (N, T) has the median number of them."""
    lengths = (x != 0).sum(1)
    return int(np.abs(lengths - np.median(lengths)).argmin())
