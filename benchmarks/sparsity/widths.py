"""Whether the student of recipes/images.toml had better been small and dense, or smaller and sparse.

`fashion-width-W` is the student of W % of the widths (to multiples of 16), dense, taught by the same teacher for the
same steps, in int8; `fashion-sparse-W` has as many zero blocks as the recipe's. What a sparse one has to beat is the
fastest dense one in the best int8 peer that is as accurate, less 0.2 points at most.
"""

from dataclasses import replace

import numpy as np

from apus.bench.results import Row, row
from apus.compress import Recipe
from apus.data import load
from benchmarks.clothes import CLOTHES, RECIPE
from benchmarks.sparsity.cases import variant
from benchmarks.sparsity.fashion import FILES, STAGES
from benchmarks.sparsity.stages import PEERS, timed
from benchmarks.variants import Facts

WIDTHS = (32, 64, 128, 128, 128)
WHOLE = 100
DENSE, SPARSE = (25, 37.5, 50, 75, WHOLE), (50, 75, WHOLE)
EQUAL = 0.2


def rows() -> list[Row]:
    """Accuracy and time of each, and how much faster a sparse student runs than the fastest of its dense equals."""
    dense, sparse = {share: walked(share) for share in DENSE}, {share: pruned(share) for share in SPARSE}
    folders = {f"{share:g}": CLOTHES.folder(0) / "variants" / name(share) for share in DENSE}
    ours = {f"sparse {share:g}": CLOTHES.folder(0) / where(share) / "student.apus" for share in SPARSE}
    ours |= {label: folder / "student.apus" for label, folder in folders.items()}
    theirs = {label: folder / "student.onnx" for label, folder in folders.items()}
    picture = load("fashion-mnist", valid=RECIPE.data.valid).test.x[:1].astype(np.float32) / 255
    times = timed(theirs, ours, picture)
    made = [_dense(share, facts, times) for share, facts in dense.items()]
    best = [(*_fastest(share, times), share, facts["student_accuracy_pct"]) for share, facts in dense.items()]
    for share, facts in sparse.items():
        made += _sparse(share, facts["student_accuracy_pct"], times[f"apus sparse {share:g}"], best)
    return made


def _fastest(share: float, times: dict[str, float]) -> tuple[float, str]:
    return min((times[f"{peer} {share:g}"], peer) for peer in PEERS)


def _dense(share: float, facts: Facts, times: dict[str, float]) -> Row:
    took = {peer: times[f"{peer} {share:g}"] for peer in (*PEERS, "apus")}
    detail = {"us": took, "best_peer": _fastest(share, times)[1], "widths": widths(share)}
    return row(f"fashion-width-{share:g}", "accuracy_pct", facts["student_accuracy_pct"], "%", detail=detail)


def _sparse(share: float, accuracy: float, us: float, dense: list[tuple[float, str, float, float]]) -> list[Row]:
    case, detail = f"fashion-sparse-{share:g}", {"us": us, "widths": widths(share)}
    made = [row(case, "accuracy_pct", accuracy, "%", detail=detail)]
    equal = [each for each in dense if each[3] >= accuracy - EQUAL]
    if not equal:
        return made
    took, peer, at, _ = min(equal)
    won = {"best_peer": peer, "width": at, "us": {"apus": us, peer: took}, "accuracy_pct": accuracy}
    return [*made, row(case, "speedup_vs_dense_width", took / us, "x", detail=won)]


def widths(share: float) -> list[int]:
    """Channels of each layer at a share of the student's, in percent."""
    return [max(16, round(share * width / 1600) * 16) for width in WIDTHS]


def narrow(share: float, sparsity: float) -> Recipe:
    """A student of fewer channels; without zero blocks the steps of pruning are steps of learning."""
    recipe = variant(CLOTHES, 0, sparsity, "teacher")
    return replace(recipe, student=replace(recipe.student, arguments={"widths": widths(share)}))


def name(share: float) -> str:
    """Of the dense variant; all of the width is a case of `cases`, which goes on."""
    return "dense-teacher" if share == WHOLE else f"width-{share:g}"


def where(share: float) -> str:
    """Of the sparse variant's run, in its study's; all of the width is the recipe itself."""
    return "." if share == WHOLE else f"variants/sparse-{share:g}"


def walked(share: float) -> Facts:
    """Train a dense width to its int8 file."""
    if share == WHOLE:
        return CLOTHES.walked(name(share), variant(CLOTHES, 0, 0.0, "teacher"), [*STAGES[2:], *FILES])
    return CLOTHES.walked(name(share), narrow(share, 0.0), [*STAGES[1:], *FILES])


def pruned(share: float) -> Facts:
    """The same, sparse."""
    if share == WHOLE:
        return CLOTHES.walked("", RECIPE, [*STAGES, *FILES])
    return CLOTHES.walked(f"sparse-{share:g}", narrow(share, RECIPE.prune.sparsity), [*STAGES[1:], *FILES])
