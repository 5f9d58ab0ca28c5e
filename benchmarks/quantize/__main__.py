"""`make bench-quantize`: `apus quantize` against ONNX Runtime's `quantize_static`, on the demo's trained teacher.

Five draws of 512 calibration images, the same for both, and the same fp32 file; all results run in ONNX Runtime on all
10,000 test images. `drop_points` is accuracy lost; `output_error_pct` how far the outputs move, the finer measure.
Needs `make demo` first.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import apus
from apus.bench import row, write_results
from apus.data import load

ROOT = Path(__file__).parents[2]
TEACHER = ROOT / "runs" / "images" / "teacher.onnx"
CALIBRATION, DRAWS = 512, 5


class Reader(CalibrationDataReader):
    """The calibration images, 32 at a time, as ONNX Runtime asks for them."""

    def __init__(self, name: str, images: NDArray[np.float32]) -> None:
        self.batches = iter([{name: images[i : i + 32]} for i in range(0, len(images), 32)])

    def get_next(self) -> dict[str, Any] | None:
        return next(self.batches, None)


def outputs(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits of every image."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x[i : i + 100]})[0] for i in range(0, len(x), 100)])


def judge(path: Path, whole: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[Any]) -> dict[str, float]:
    """What the file at `path` loses against the fp32 outputs `whole`."""
    found = outputs(path, x)
    right, before = (found.argmax(1) == y).mean(), (whole.argmax(1) == y).mean()
    error = np.abs(found - whole).mean() / np.abs(whole).mean()
    return {"drop_points": 100 * float(before - right), "output_error_pct": 100 * float(error)}


def theirs(images: NDArray[np.float32], folder: Path, per_channel: bool) -> Path:
    """`quantize_static` as its documentation advises: pre-processed, QDQ, uint8 activations, int8 weights."""
    prepared, path = folder / "prepared.onnx", folder / f"ort-{per_channel}.onnx"
    quant_pre_process(str(TEACHER), str(prepared))
    name = onnxruntime.InferenceSession(TEACHER, providers=["CPUExecutionProvider"]).get_inputs()[0].name
    kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    reader = Reader(name, images)
    quantize_static(str(prepared), str(path), reader, quant_format=QuantFormat.QDQ, per_channel=per_channel, **kinds)
    return path


def one_draw(
    images: NDArray[np.float32], whole: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[Any]
) -> dict[str, dict[str, float]]:
    """What each result loses, from one draw of calibration images."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apus.quantize(TEACHER, images, folder / "apus.onnx")
        found = {"apus": judge(folder / "apus.onnx", whole, x, y)}
        for label, per_channel in (("onnxruntime-per-channel", True), ("onnxruntime-per-tensor", False)):
            found[label] = judge(theirs(images, folder, per_channel), whole, x, y)
    return found


def main() -> None:
    """Quantise by both from several draws, judge, write."""
    if not TEACHER.exists():
        raise SystemExit(f"{TEACHER.relative_to(ROOT)} is missing; run `make demo` first")
    data = load("fashion-mnist", valid=5000)
    x, y = np.float32(data.test.x) / np.float32(255), data.test.y
    whole, order = outputs(TEACHER, x), np.random.default_rng(0).permutation(len(data.train.x))
    draws = [order[i * CALIBRATION : (i + 1) * CALIBRATION] for i in range(DRAWS)]
    found = [one_draw(np.float32(data.train.x[draw]) / np.float32(255), whole, x, y) for draw in draws]
    rows = [row("fp32", "accuracy_pct", 100 * float((whole.argmax(1) == y).mean()), "%")]
    for case, metrics in found[0].items():
        for metric in metrics:
            values = [one[case][metric] for one in found]
            spread = {"low": min(values), "high": max(values), "runs": DRAWS}
            rows.append(row(case, metric, sum(values) / DRAWS, "points" if metric == "drop_points" else "%", **spread))
    write_results(ROOT / "benchmarks" / "results" / "quantize.json", "quantize", "make bench-quantize", rows)
    print(*(f"{r['case']} {r['metric']} {r['value']:.3f} ({r['low']:.2f} to {r['high']:.2f})" for r in rows), sep="\n")


if __name__ == "__main__":
    main()
