"""What zero blocks cost, on any recipe: every case goes on from the same dense student for the same steps.

`dense` keeps its blocks and learns on from the teacher, `16x1-S` loses S % of them on the cubic schedule, `-teacher`
with the dense teacher's help, `-alone` from the labels. Each seed has a teacher and a student of its own. The first
runs every case; what the teacher's help is worth where most blocks go is told from chance by the others.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from apus.bench.results import Row, row
from apus.compress import Recipe
from benchmarks.variants import ALONE, Facts, Study

SEEDS = (0, 1, 2)
SPARSITIES = {"16x1-80": 0.8, "16x1-90": 0.9}
HARDEST = "16x1-90"


def variant(study: Study, seed: int, sparsity: float, who: str) -> Recipe:
    """The recipe with another share of zero blocks, with the teacher's help or without."""
    recipe = study.of_seed(seed)
    part = replace(recipe.prune, sparsity=sparsity)
    return replace(recipe, prune=part if who == "teacher" else replace(part, distil=ALONE))


def pruned(study: Study, seed: int, name: str, who: str) -> Facts:
    """A case of one seed."""
    recipe = variant(study, seed, SPARSITIES.get(name, 0.0), who)
    return study.walked("" if recipe == study.of_seed(seed) else f"{name}-{who}", recipe, ["prune"])


def rows(study: Study, task: str, seeds: Sequence[int] = SEEDS) -> list[Row]:
    """Accuracies on the test split, and points below the dense student of equal steps.

    Args:
        study: trains what is not finished.
        task: begins the rows' names.
        seeds: each with a teacher and a student of its own.
    """
    base = {seed: (study.teacher(seed)["accuracy_pct"], study.student(seed)["accuracy_pct"]) for seed in seeds}
    made = [_row(f"{task}-teacher", "accuracy_pct", [large for large, _ in base.values()])]
    made.append(_row(f"{task}-student", "accuracy_pct", [dense for _, dense in base.values()]))
    dense = pruned(study, seeds[0], "dense", "teacher")["accuracy_pct"]
    made.append(_row(f"{task}-dense", "accuracy_pct", [dense]))
    for name in SPARSITIES:
        made += _case(study, task, name, dense, seeds if name == HARDEST else seeds[:1])
    return made


def _case(study: Study, task: str, name: str, dense: float, seeds: Sequence[int]) -> list[Row]:
    made, found = [], {}
    for who in ("teacher", "alone"):
        found[who] = [pruned(study, seed, name, who)["accuracy_pct"] for seed in seeds]
        made.append(_row(f"{task}-{name}-{who}", "accuracy_pct", found[who]))
        made.append(_row(f"{task}-{name}-{who}", "drop_points", [dense - found[who][0]]))
    gains = [taught - alone for taught, alone in zip(found["teacher"], found["alone"], strict=True)]
    return [*made, _row(f"{task}-{name}", "gain_points", gains)]


def _row(case: str, metric: str, values: list[float]) -> Row:
    unit = "%" if metric.endswith("pct") else "points"
    detail = {"each": values}
    return row(case, metric, mean(values), unit, low=min(values), high=max(values), runs=len(values), detail=detail)
