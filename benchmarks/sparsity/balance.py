"""Equal work for every core: 80 % zero blocks with `balance = true`, beside the same without."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from apus.bench.results import Row, row
from apus.techniques.sparsity import PARTITIONS
from benchmarks.sparsity.cases import SEEDS, pruned
from benchmarks.variants import Facts, Study


def rows(study: Study, task: str) -> list[Row]:
    """What balance costs, and the worst layer's max / mean − 1 of living blocks over 2, 4 and 8 partitions."""
    free = [pruned(study, seed, "16x1-80", "teacher") for seed in SEEDS]
    even = [_balanced(study, seed) for seed in SEEDS]
    drops = [a["accuracy_pct"] - b["accuracy_pct"] for a, b in zip(free, even, strict=True)]
    spread = {"low": min(drops), "high": max(drops), "runs": len(drops)}
    made = [row(f"{task}-balanced", "drop_points", mean(drops), "points", **spread)]
    for count in PARTITIONS:
        detail = {"without": worst(free, count)}
        made.append(row(f"{task}-balanced-{count}", "imbalance_pct", worst(even, count), "%", detail=detail))
    return made


def worst(runs: Sequence[Facts], count: int) -> float:
    """Percent by which the fullest of `count` partitions is above the mean, in the worst layer that has so many."""
    found = [layer.get("imbalance", {}).get(str(count), 0.0) for facts in runs for layer in facts["layers"]]
    return 100 * max(found)


def _balanced(study: Study, seed: int) -> Facts:
    recipe = study.of_seed(seed)
    return study.walked("16x1-80-balanced", replace(recipe, prune=replace(recipe.prune, balance=True)), ["prune"])
