"""Clothes: recipes/images.toml, its student at 80 and 90 % zero blocks, and what it delivers beside its teacher."""

import numpy as np

import apus
from apus.bench.results import Row, row
from apus.data import load
from apus.export import INPUT
from benchmarks.clothes import CLOTHES, RECIPE
from benchmarks.sparsity import balance, cases, stages
from benchmarks.variants import Facts

STAGES, FILES = ("teacher", "student", "prune", "quantize"), ("export", "compile", "verify")
CALIBRATION = 256


def rows() -> list[Row]:
    """Accuracies of every case, and what the recipe delivers and how fast."""
    made = cases.rows(CLOTHES, "fashion") + balance.rows(CLOTHES, "fashion")
    found = {stage: CLOTHES.walked("", RECIPE, STAGES[: place + 1]) for place, stage in enumerate(STAGES)}
    ours = CLOTHES.walked("", RECIPE, [*STAGES, *FILES])
    return made + _best(ours, found)


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
