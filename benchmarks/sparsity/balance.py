"""Equal work for every core: 80 % zero blocks with `balance = true`, beside the same without."""

from dataclasses import replace

from apus.bench.results import Row, row
from apus.techniques.sparsity import PARTITIONS
from benchmarks.sparsity.cases import pruned
from benchmarks.variants import Facts, Study


def rows(study: Study, task: str, seed: int = 0) -> list[Row]:
    """What balance costs, and the worst layer's max / mean − 1 of living blocks over 2, 4 and 8 partitions."""
    free = pruned(study, seed, "16x1-80", "teacher")
    recipe = study.of_seed(seed)
    even = study.walked("16x1-80-balanced", replace(recipe, prune=replace(recipe.prune, balance=True)), ["prune"])
    made = [row(f"{task}-balanced", "drop_points", free["accuracy_pct"] - even["accuracy_pct"], "points")]
    for count in PARTITIONS:
        detail = {"without": worst(free, count)}
        made.append(row(f"{task}-balanced-{count}", "imbalance_pct", worst(even, count), "%", detail=detail))
    return made


def worst(run: Facts, count: int) -> float:
    """Percent by which the fullest of `count` partitions is above the mean, in the worst layer that has so many."""
    return 100 * max(layer.get("imbalance", {}).get(str(count), 0.0) for layer in run["layers"])
