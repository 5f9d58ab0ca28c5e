"""Nouns told by their definitions: the 3-layer student of recipes/text.toml, of which 80 or 90 % of the blocks go.

Every case goes on from the same dense student for the same steps: `dense` keeps its blocks, `16x1-S` loses S % of
them on the cubic schedule; `-teacher` learns from the dense 6-layer teacher meanwhile, `-alone` from the labels. The
best is what the recipe delivers: pruned with the teacher, then int8. Its peers run the teacher, quantised to int8 after
training: statically by `apus quantize`, and by ONNX Runtime's own `quantize_dynamic`.
"""

from dataclasses import replace
from statistics import mean

import numpy as np
from onnxruntime.quantization import QuantType, quantize_dynamic

import apus
from apus.bench import compare, contender
from apus.bench.results import Row, row
from apus.compress import Recipe
from apus.data.glosses import load_glosses
from apus.export import INPUT
from benchmarks.glosses import ALONE, Facts, folder, median_length, of_seed, student, teacher, walked

SEEDS = (0, 1, 2)
SPARSITIES = {"dense": 0.0, "16x1-80": 0.8, "16x1-90": 0.9}
CALIBRATION, SECONDS = 256, 3.0
TOLERANCE = 0.5  # of the largest output: peers round 8 bits each in their own way; a guard against wrong wiring


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
    """Accuracies on 5,000 unseen definitions, points below the dense student of equal steps, and the fastest."""
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
    return made + best()


def best() -> list[Row]:
    """What the recipe delivers against its teacher in int8 peers: one definition of median length, one thread."""
    large, small = teacher(), walked("", of_seed(0), ["student", "prune", "quantize"])
    walked("", of_seed(0), ["export", "compile"])
    own = folder(0)
    static, dynamic = own / "teacher-int8.onnx", own / "teacher-dynamic.onnx"
    texts = load_glosses()
    if not static.exists():
        apus.quantize(own / "teacher.onnx", {INPUT: texts.train.x[:CALIBRATION]}, static, batch=1)
    if not dynamic.exists():
        quantize_dynamic(own / "teacher.onnx", dynamic, weight_type=QuantType.QInt8, per_channel=True)
    feed = {INPUT: np.ascontiguousarray(texts.test.x[median_length(texts.test.x)][None])}
    peers = [
        contender("onnxruntime", static, label="onnxruntime-int8", network="static"),
        contender("openvino", static, label="openvino-int8", network="static"),
        contender("onnxruntime", dynamic, label="onnxruntime-dynamic", network="dynamic"),
        contender("openvino", own / "teacher.onnx", label="openvino-fp32", network="float"),
    ]
    ours = contender("apus", own / "student.apus", network="student")
    found = {
        one.contender: one for one in compare([*peers, ours], feed, threads=1, seconds=SECONDS, tolerance=TOLERANCE)
    }
    times = {name: one.p50_us for name, one in found.items()}
    fastest = min((name for name in times if name != "apus"), key=times.__getitem__)
    detail = {"us": times, "best_peer": fastest, "tokens": int((feed[INPUT] != 0).sum())}
    return [
        row("glosses-best", "speedup_vs_int8_teacher", times[fastest] / times["apus"], "x", detail=detail),
        row("glosses-best", "accuracy_pct", small["accuracy_pct"], "%"),
        row("glosses-best", "drop_points", large["accuracy_pct"] - small["accuracy_pct"], "points"),
    ]


def _row(case: str, metric: str, values: list[float]) -> Row:
    unit = "%" if metric.endswith("pct") else "points"
    return row(case, metric, mean(values), unit, low=min(values), high=max(values), runs=len(values))
