"""The students of Hinton's experiment lose 90 % of their 16x1 blocks as they learn, with their teacher or alone.

The networks, teachers, steps and learning rates are those of `benchmarks.distill.mnist`.
"""

from statistics import mean

from apus.bench.results import Row, row
from benchmarks.distill.mnist import SEEDS, student, tuned

ZEROS = 0.9


def rows() -> list[Row]:
    """Wrong of 10,000 test images, dense and sparse, and how many fewer they are with the teacher."""
    made, found = [], {}
    for who in ("distilled", "alone"):
        rate = tuned(who)[0]
        found[who] = [student(who, seed, "all", rate, ZEROS)["errors"] for seed in SEEDS]
        dense = [student(who, seed, "all", rate)["errors"] for seed in SEEDS]
        detail = {"errors": found[who], "dense": dense, "zeros": ZEROS, "learning_rate": rate}
        made.append(_row(f"mnist-16x1-90-{who}", "test_errors", found[who]) | {"detail": detail})
    fewer = [alone - taught for taught, alone in zip(found["distilled"], found["alone"], strict=True)]
    return [*made, _row("mnist-16x1-90", "fewer_errors", fewer)]


def _row(case: str, metric: str, values: list[int]) -> Row:
    return row(case, metric, mean(values), "", low=min(values), high=max(values), runs=len(values))
