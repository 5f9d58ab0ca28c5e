"""Clothes: recipes/images.toml, its student at 80 and 90 % zero blocks, and whether it had better been small and dense.

`fashion-width-W` is the student of W % of the widths (to multiples of 16), dense, taught by the same teacher for the
same steps, in int8. The fastest of them that is as accurate as what the recipe delivers, less 0.2 points at most, in
the best int8 peer, is what the recipe's file has to beat.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

import apus
from apus.bench import compare, contender
from apus.bench.results import Row, row
from apus.compress import Recipe
from apus.data import load
from apus.export import INPUT
from benchmarks.clothes import CLOTHES, RECIPE
from benchmarks.sparsity import balance, cases, stages
from benchmarks.variants import Facts

STAGES, FILES = ("teacher", "student", "prune", "quantize"), ("export", "compile", "verify")
WIDTHS = (32, 64, 128, 128, 128)
SHARES = (25, 37.5, 50, 75, 100)
CALIBRATION, SECONDS, EQUAL = 256, 2.0, 0.2
PEERS = ("onnxruntime", "openvino")


def narrow(share: float) -> Recipe:
    """A dense student of fewer channels; the steps of pruning are steps of learning."""
    widths = [max(16, round(share * width / 1600) * 16) for width in WIDTHS]
    student = replace(RECIPE.student, arguments={"widths": widths})
    return replace(RECIPE, student=student, prune=replace(RECIPE.prune, sparsity=0.0))


def rows() -> list[Row]:
    """Accuracies of every case, what the recipe delivers and how fast, and the sweep of dense widths."""
    made = cases.rows(CLOTHES, "fashion") + balance.rows(CLOTHES, "fashion")
    found = {stage: CLOTHES.walked("", RECIPE, STAGES[: place + 1]) for place, stage in enumerate(STAGES)}
    ours = CLOTHES.walked("", RECIPE, [*STAGES, *FILES])
    swept = {share: CLOTHES.walked(_name(share), narrow(share), [*STAGES[1:], *FILES]) for share in SHARES}
    return made + _best(ours, found) + _sweep(ours, swept)


def _best(ours: Facts, found: dict[str, Facts]) -> list[Row]:
    static, pictures = CLOTHES.folder(0) / "teacher-int8.onnx", load("fashion-mnist", valid=RECIPE.data.valid)
    if not static.exists():
        sample = pictures.train.x[:CALIBRATION].astype(np.float32) / 255
        apus.quantize(CLOTHES.folder(0) / "teacher.onnx", {INPUT: sample}, static, batch=1)
    test = pictures.test.x.astype(np.float32) / 255, pictures.test.y
    timed = stages.rows(CLOTHES, "fashion", found, static, test)
    us = {each["case"].removeprefix("fashion-stage-"): each["value"] for each in timed}
    detail = {"us": us, "sparsity": RECIPE.prune.sparsity}
    drop = ours["teacher_accuracy_pct"] - ours["student_accuracy_pct"]
    return [
        *timed,
        row(
            "fashion-best",
            "speedup_vs_best_int8_peer",
            us["peer-teacher-int8"] / us["apus-quantize"],
            "x",
            detail=detail,
        ),
        row("fashion-best", "drop_points", drop, "points"),
        row("fashion-best", "accuracy_pct", ours["student_accuracy_pct"], "%"),
    ]


def _sweep(ours: Facts, swept: dict[float, Facts]) -> list[Row]:
    files = {f"{share:g}": CLOTHES.folder(0) / "variants" / _name(share) / "student.onnx" for share in SHARES}
    times = _times(files, CLOTHES.folder(0) / "student.apus")
    made, equal = [], {}
    for share, facts in swept.items():
        took = {name: us for name, us in times.items() if name.endswith(f" {share:g}")}
        fastest, accuracy = min(took, key=took.__getitem__), facts["student_accuracy_pct"]
        if accuracy >= ours["student_accuracy_pct"] - EQUAL:
            equal[fastest] = took[fastest]
        detail = {"us": took, "best_peer": fastest, "widths": narrow(share).student.arguments["widths"]}
        made.append(row(f"fashion-width-{share:g}", "accuracy_pct", accuracy, "%", detail=detail))
    if equal:
        best = min(equal, key=equal.__getitem__)
        detail = {"best_peer": best, "us": {"apus": times["apus"], best: equal[best]}}
        made.append(row("fashion-best", "speedup_vs_dense_width", equal[best] / times["apus"], "x", detail=detail))
    return made


def _times(files: dict[str, Path], student: Path) -> dict[str, float]:
    """Median microseconds of one picture: each file in each peer, and the student in our engine."""
    picture = load("fashion-mnist", valid=RECIPE.data.valid).test.x[:1].astype(np.float32) / 255
    made = [contender("apus", student, network="apus")]
    made += [
        contender(peer, file, label=f"{peer} {name}", network=name) for name, file in files.items() for peer in PEERS
    ]
    found = compare(made, {INPUT: picture}, threads=1, seconds=SECONDS)
    return {one.contender: one.p50_us for one in found}


def _name(share: float) -> str:
    return f"width-{share:g}"
