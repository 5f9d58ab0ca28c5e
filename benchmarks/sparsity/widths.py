"""Whether the student of recipes/images.toml had better been small and dense.

`fashion-width-W` is the student of W % of the widths (to multiples of 16), dense, taught by the same teacher for the
same steps, in int8. The fastest of them that is as accurate as what the recipe delivers, less 0.2 points at most, in
the best int8 peer, is what the recipe's file has to beat.
"""

from dataclasses import replace

import numpy as np

from apus.bench.results import Row, row
from apus.compress import Recipe
from apus.data import load
from benchmarks.clothes import CLOTHES, RECIPE
from benchmarks.sparsity.cases import variant
from benchmarks.sparsity.fashion import FILES, STAGES
from benchmarks.sparsity.stages import timed
from benchmarks.variants import Facts

WIDTHS = (32, 64, 128, 128, 128)
SHARES = (25, 37.5, 50, 75, 100)
EQUAL = 0.2


def rows() -> list[Row]:
    """Accuracy and time of each width, and how much faster the sparse student runs than the fastest of its equals."""
    ours = CLOTHES.walked("", RECIPE, [*STAGES, *FILES])
    swept = {share: walked(share) for share in SHARES}
    files = {f"{share:g}": CLOTHES.folder(0) / "variants" / name(share) / "student.onnx" for share in SHARES}
    picture = load("fashion-mnist", valid=RECIPE.data.valid).test.x[:1].astype(np.float32) / 255
    times = timed(files, {"sparse": CLOTHES.folder(0) / "student.apus"}, picture)
    made, equal = [], {}
    for share, facts in swept.items():
        took = {label: us for label, us in times.items() if label.endswith(f" {share:g}")}
        fastest, accuracy = min(took, key=took.__getitem__), facts["student_accuracy_pct"]
        if accuracy >= ours["student_accuracy_pct"] - EQUAL:
            equal[fastest] = took[fastest]
        detail = {"us": took, "best_peer": fastest, "widths": widths(share)}
        made.append(row(f"fashion-width-{share:g}", "accuracy_pct", accuracy, "%", detail=detail))
    return made + _won(equal, times["apus sparse"], ours)


def _won(equal: dict[str, float], us: float, ours: Facts) -> list[Row]:
    if not equal:
        return []
    best = min(equal, key=equal.__getitem__)
    detail = {"best_peer": best, "us": {"apus": us, best: equal[best]}, "accuracy_pct": ours["student_accuracy_pct"]}
    return [row("fashion-widths", "speedup_vs_dense_width", equal[best] / us, "x", detail=detail)]


def widths(share: float) -> list[int]:
    """Channels of each layer at a share of the student's, in percent."""
    return [max(16, round(share * width / 1600) * 16) for width in WIDTHS]


def narrow(share: float) -> Recipe:
    """A dense student of fewer channels; the steps of pruning are steps of learning."""
    recipe = variant(CLOTHES, 0, 0.0, "teacher")
    if share == SHARES[-1]:
        return recipe
    return replace(recipe, student=replace(recipe.student, arguments={"widths": widths(share)}))


def name(share: float) -> str:
    """Of the variant; all of the width is a case of `cases`, which goes on."""
    return "dense-teacher" if share == SHARES[-1] else f"width-{share:g}"


def walked(share: float) -> Facts:
    """Train a width to its int8 file."""
    return CLOTHES.walked(name(share), narrow(share), [*STAGES[1 + (share == SHARES[-1]) :], *FILES])
