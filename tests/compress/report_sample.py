"""A report such as `apus compress` leaves it, in miniature."""

from typing import Any

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
ECHO = {
    "fresh_per_s": 812.0, "emitted_per_s": 2030.0, "stall_pct": 3.1, "factor": 2.5, "R": 2.58, "gap": 0.031,
    "held_bytes": 4096, "stages": {},
}  # fmt: skip


def row(case: str, metric: str, value: float, unit: str, **detail: Any) -> dict[str, Any]:
    spread = {"low": value, "high": value, "runs": 1, "detail": detail}
    return {"case": case, "metric": metric, "value": value, "unit": unit} | spread


def sample_report() -> dict[str, Any]:
    return {
        "benchmark": "demo",
        "name": "images",
        "date": "2026-11-21T23:00:00+00:00",
        "command": "make demo",
        "reproduce": "apus compress recipes/images.toml",
        "env": {
            "cpu": "A processor",
            "isa": "vnni",
            "cores": 2,
            "threads": 1,
            "versions": {"python": "3.11.7", "numpy": "2.4.6"},
            "load": [0.5, 0.4, 0.3],
            "governor": "unknown",
            "system": "Linux",
        },
        "rows": [
            row("teacher", "accuracy_pct", 92.6, "%"),
            row("teacher", "bytes", 4_120_000, "bytes"),
            row("teacher", "p50_us", 1450.0, "us"),
            row("student", "accuracy_pct", 91.93, "%"),
            row("student", "bytes", 61_000, "bytes"),
            row("student", "p50_us", 41.0, "us"),
            row("student", "size_ratio", 67.5, "x"),
            row("student", "speedup_vs_teacher_onnxruntime", 35.4, "x"),
            row("student", "speedup_vs_dense_int8_peer", 1.83, "x", best_peer="student in onnxruntime"),
        ],
        "stages": [
            _stage("teacher", 92.6, 4_120_000, 1320.0, 1_030_000, 1_030_000),
            _stage("student", 92.1, 690_000, 95.0, 171_000, 171_000),
            _stage("prune", 91.99, 160_000, 61.0, 171_000, 34_500),
            _stage("quantize", 91.93, 61_000, 41.0, 171_000, 34_500),
        ],
        "history": {
            stage: [_epoch(e, low, high, epochs) for e in range(1, epochs + 1)]
            for stage, low, high, epochs in (
                ("teacher", 84.0, 92.5, 8),
                ("student", 81.0, 92.0, 10),
                ("prune", 88.0, 91.9, 6),
                ("quantize", 91.0, 91.9, 3),
            )
        }
        | {"student": [_epoch(e, 81.0, 92.0, 10) | {"echo": ECHO} for e in range(1, 11)]},
        "measure": [_setting(batch, threads) for threads in (1, 2) for batch in (1, 16)],
        "layers": [
            _layer("/stem/Conv", "conv 3x3 + relu", [1, 16, 28, 28], 8, 1.0, 272, "conv_block16_int8", 5.1),
            _layer("/block/1/Conv", "conv 3x3 /2 + relu", [1, 64, 14, 14], 8, 0.21, 21_100, "conv_block16_int8", 12.3),
            _layer("/block/1/Add", "binary add + relu", [1, 64, 14, 14], 8, None, 0, "binary_add_uint8", 1.9),
            _layer("/pool", "reduce mean", [1, 64], 8, None, 0, "reduce_mean_uint8", 0.6),
            _layer("/head/Gemm", "linear", [1, 10], 8, 0.5, 980, "linear_block16_int8", 0.4),
        ],
        "mistakes": [
            {"index": i, "label": "Shirt", "teacher": "Shirt", "student": "T-shirt", "image_png_base64": PIXEL}
            for i in range(3)
        ],
        "verify": {"examples": 10_000, "against": {"onnxruntime": _pair(0.98), "torch": _pair(2.1)}},
        "recipe": {"name": "images"},
        "recipe_toml": 'name = "images"\n\n[prune]\nsparsity = 0.8\n',
        "search": {"trials": [_trial(0, 91.5, 40.0, True), _trial(1, 91.2, 60.0, False), _trial(2, 92.0, 55.0, True)]},
    }


def _stage(stage: str, accuracy: float, size: int, micros: float, weights: int, kept: int) -> dict[str, Any]:
    entry = {"stage": stage, "accuracy_pct": accuracy, "bytes": size, "p50_us": micros, "onnx_bytes": size}
    return entry | {"parameters": weights, "nonzero_parameters": kept, "seconds": 61.0, "steps": 1000}


def _epoch(epoch: int, low: float, high: float, epochs: int) -> dict[str, Any]:
    rise = 1 - (1 - epoch / epochs) ** 2
    return {"step": 400 * epoch, "epoch": float(epoch), "loss": 0.9 - 0.6 * rise, "seconds": 5.0 * epoch} | {
        "accuracy_pct": low + (high - low) * rise,
        "valid_loss": 0.8 - 0.5 * rise,
    }


def _setting(batch: int, threads: int) -> dict[str, Any]:
    micros = {"teacher in onnxruntime": 1450.0, "student in onnxruntime": 75.0, "student in openvino": 92.0}
    micros["student in apus"] = 41.0
    rows = [
        {"contender": name, "network": name.split()[0], "p50_us": us * batch / threads, "p99_us": us * batch * 1.2}
        for name, us in micros.items()
    ]
    return {"batch": batch, "threads": threads, "rows": rows}


def _layer(name: str, op: str, shape: list[int], bits: int, density: float | None, *rest: Any) -> dict[str, Any]:
    size, kernel, micros = rest
    layer = {"name": name, "op": op, "shape": shape, "bits": bits, "density": density, "bytes": size}
    return layer | {"kernel": kernel, "isa": "vnni", "microseconds": micros, "share": 0.2, "macs": 1, "why": "as dense"}


def _pair(steps: float) -> dict[str, Any]:
    facts = {"agreement_pct": 99.97, "max_difference": 0.08, "max_steps": steps, "step": 0.08}
    return facts | {"allowed_steps": 4.0, "least_agreement_pct": 99.5, "passed": True}


def _trial(number: int, accuracy: float, micros: float, front: bool) -> dict[str, Any]:
    figures = {"accuracy_pct": accuracy, "p50_us": micros, "bytes": 60_000.0}
    return {"number": number, "front": front, "values": {"prune.sparsity": 0.8}} | figures
