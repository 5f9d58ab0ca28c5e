"""`make bench-quantize`: `apus quantize` against ONNX Runtime's `quantize_static`, on the demo's trained teacher.

Same calibration images, same fp32 file; both results run in ONNX Runtime on all 10,000 test images. Needs `make demo`.
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
CALIBRATION = 512


class Reader(CalibrationDataReader):
    """The calibration images, 32 at a time, as ONNX Runtime asks for them."""

    def __init__(self, name: str, images: NDArray[np.float32]) -> None:
        self.batches = iter([{name: images[i : i + 32]} for i in range(0, len(images), 32)])

    def get_next(self) -> dict[str, Any] | None:
        return next(self.batches, None)


def accuracy(path: Path, x: NDArray[np.float32], y: NDArray[Any]) -> float:
    """Percent of images whose largest output is their class."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    right = [session.run(None, {name: x[i : i + 100]})[0].argmax(1) == y[i : i + 100] for i in range(0, len(x), 100)]
    return 100 * float(np.concatenate(right).mean())


def theirs(images: NDArray[np.float32], folder: Path, per_channel: bool) -> Path:
    """`quantize_static` as its documentation advises: pre-processed, QDQ, uint8 activations, int8 weights."""
    prepared, path = folder / "prepared.onnx", folder / f"ort-{per_channel}.onnx"
    quant_pre_process(str(TEACHER), str(prepared))
    name = onnxruntime.InferenceSession(TEACHER, providers=["CPUExecutionProvider"]).get_inputs()[0].name
    kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    reader = Reader(name, images)
    quantize_static(str(prepared), str(path), reader, quant_format=QuantFormat.QDQ, per_channel=per_channel, **kinds)
    return path


def main() -> None:
    """Quantise by both, count, write."""
    if not TEACHER.exists():
        raise SystemExit(f"{TEACHER.relative_to(ROOT)} is missing; run `make demo` first")
    data = load("fashion-mnist", valid=5000)
    images = np.float32(data.train.x[:CALIBRATION]) / np.float32(255)
    x, y = np.float32(data.test.x) / np.float32(255), data.test.y
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apus.quantize(TEACHER, images, folder / "apus.onnx")
        found = {"fp32": accuracy(TEACHER, x, y), "apus": accuracy(folder / "apus.onnx", x, y)}
        for label, per_channel in (("onnxruntime-per-channel", True), ("onnxruntime-per-tensor", False)):
            found[label] = accuracy(theirs(images, folder, per_channel), x, y)
    rows = [row(case, "accuracy_pct", value, "%", runs=len(x)) for case, value in found.items()]
    rows += [row(case, "drop_points", found["fp32"] - value, "points", runs=len(x)) for case, value in found.items()]
    write_results(ROOT / "benchmarks" / "results" / "quantize.json", "quantize", "make bench-quantize", rows)
    print(*(f"{case}: {value:.2f} %" for case, value in found.items()), sep="\n")


if __name__ == "__main__":
    main()
