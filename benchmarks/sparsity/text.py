"""What recipes/text.toml delivers, against its teacher in the int8 of the best peer: one definition, one thread.

The peers run the teacher, quantised to int8 after training: statically by `apus quantize`, and by ONNX Runtime's own
`quantize_dynamic`. The definition is of median length, filled up to the length that the files were exported for.
"""

import numpy as np
from onnxruntime.quantization import QuantType, quantize_dynamic

import apus
from apus.bench import compare, contender
from apus.bench.results import Row, row
from apus.data.glosses import load_glosses
from apus.export import INPUT
from benchmarks.glosses import RECIPE, TEXT, median_length
from benchmarks.variants import Facts

STAGES = ("teacher", "student", "prune", "quantize")
CALIBRATION, SECONDS = 256, 3.0
TOLERANCE = 0.5  # of the largest output: peers round 8 bits each in their own way; a guard against wrong wiring


def rows() -> list[Row]:
    """Accuracy after each stage and of the delivered file, on 5,000 unseen definitions, and the time of the file."""
    found = {stage: TEXT.walked("", RECIPE, STAGES[: place + 1]) for place, stage in enumerate(STAGES)}
    delivered = TEXT.walked("", RECIPE, [*STAGES, "export", "compile", "verify"])
    made = [
        row(f"text-{stage}", "accuracy_pct", facts["accuracy_pct"], "%", detail=_why(facts))
        for stage, facts in found.items()
    ]
    drop = delivered["teacher_accuracy_pct"] - delivered["student_accuracy_pct"]
    times, shape = clock()
    peers = [name for name in times if not name.startswith("apus")]
    fastest = min(peers, key=times.__getitem__)
    detail = {"us": times, "best_peer": fastest, "input": shape, "bytes": sizes(), "sparsity": RECIPE.prune.sparsity}
    return [
        *made,
        row("text-delivered", "accuracy_pct", delivered["student_accuracy_pct"], "%", detail=delivered["against"]),
        row("text-best", "speedup_vs_int8_teacher", times[fastest] / times["apus"], "x", detail=detail),
        row("text-best", "drop_points", drop, "points"),
    ]


def clock() -> tuple[dict[str, float], list[int]]:
    """Median microseconds of each contender in turns, and the input's shape."""
    own = TEXT.folder(0)
    static, dynamic = own / "teacher-int8.onnx", own / "teacher-dynamic.onnx"
    texts = load_glosses()
    if not static.exists():
        apus.quantize(own / "teacher.onnx", {INPUT: texts.train.x[:CALIBRATION]}, static, batch=1)
    if not dynamic.exists():
        quantize_dynamic(own / "teacher.onnx", dynamic, weight_type=QuantType.QInt8, per_channel=True)
    feed = {INPUT: np.ascontiguousarray(texts.test.x[median_length(texts.test.x)][None])}
    contenders = [
        contender("onnxruntime", static, label="onnxruntime-int8", network="static"),
        contender("openvino", static, label="openvino-int8", network="static"),
        contender("onnxruntime", dynamic, label="onnxruntime-dynamic", network="dynamic"),
        contender("openvino", own / "teacher.onnx", label="openvino-fp32", network="float"),
        contender("apus", own / "teacher.apus", label="apus-teacher", network="float"),
        contender("apus", own / "student.apus", network="student"),
    ]
    found = compare(contenders, feed, threads=1, seconds=SECONDS, tolerance=TOLERANCE)
    return {one.contender: one.p50_us for one in found}, list(feed[INPUT].shape)


def sizes() -> dict[str, int]:
    """Bytes of the files."""
    return {name: (TEXT.folder(0) / name).stat().st_size for name in ("teacher.apus", "student.apus")}


def _why(facts: Facts) -> dict[str, float]:
    return {name: facts[name] for name in ("parameters", "nonzero_parameters", "steps", "seconds")}
