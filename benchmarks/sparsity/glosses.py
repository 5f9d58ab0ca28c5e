"""Nouns told by their definitions: the 3-layer student of recipes/text.toml, of which 80 or 90 % of the blocks go.

Every case goes on from the same dense student for the same steps: `dense` keeps its blocks, `16x1-S` loses S % of
them on the cubic schedule; `-teacher` learns from the dense 6-layer teacher meanwhile, `-alone` from the labels.
"""

from dataclasses import replace
from statistics import mean

from apus.bench.results import Row, row
from apus.compress import Recipe
from benchmarks.glosses import ALONE, Facts, of_seed, student, teacher, walked

SEEDS = (0, 1, 2)
SPARSITIES = {"dense": 0.0, "16x1-80": 0.8, "16x1-90": 0.9}


def variant(seed: int, sparsity: float, who: str) -> Recipe:
    """The recipe with another share of zero blocks, with the teacher's help or without."""
    recipe = of_seed(seed)
    part = replace(recipe.prune, sparsity=sparsity)
    return replace(recipe, prune=part if who == "teacher" else replace(part, distil=ALONE))


def pruned(seed: int, name: str, who: str) -> Facts:
    """A case of one seed."""
    recipe = variant(seed, SPARSITIES[name], who)
    return walked("" if recipe == of_seed(seed) else f"{name}-{who}", recipe, ["prune"])


def rows() -> list[Row]:
    """Accuracies on 5,000 unseen definitions, points below the dense student of equal steps."""
    base = {seed: (teacher(seed)["accuracy_pct"], student(seed)["accuracy_pct"]) for seed in SEEDS}
    made = [_row("glosses-teacher", "accuracy_pct", [large for large, _ in base.values()])]
    made.append(_row("glosses-student", "accuracy_pct", [dense for _, dense in base.values()]))
    for who in ("teacher", "alone"):
        found = {name: [pruned(seed, name, who)["accuracy_pct"] for seed in SEEDS] for name in SPARSITIES}
        for name, each in found.items():
            made.append(_row(f"glosses-{name}-{who}", "accuracy_pct", each))
            if name != "dense":
                drops = [a - b for a, b in zip(found["dense"], each, strict=True)]
                made.append(_row(f"glosses-{name}-{who}", "drop_points", drops))
    return made


def _row(case: str, metric: str, values: list[float]) -> Row:
    unit = "%" if metric.endswith("pct") else "points"
    return row(case, metric, mean(values), unit, low=min(values), high=max(values), runs=len(values))
