"""One case: every contender on the same chain, errors first, then time in turns."""

from pathlib import Path
from typing import Any

import numpy as np

from apus.bench import Contender, Measurement, compare, contender
from apus.bench.results import Row, row
from apus.errors import ApusError
from benchmarks.kernels.cases import LAYERS, Case, samples, torch_chain
from benchmarks.kernels.files import onnx_files, ours

OURS = ("apus-fp32", "apus-bf16", "apus-int8")
BF16 = ("openvino-bf16", "torch-bf16", "torch-compile-bf16")
FP32 = ("onnxruntime-fp32", "openvino-fp32", "torch-fp32", "torch-compile-fp32", "torch-csr", "torch-bsr", "deepsparse")
SAMPLES = 4  # inputs that errors are measured on


def entries(case: Case, files: dict[str, Path], mine: dict[str, Path]) -> list[tuple[str, str, Any, dict[str, Any]]]:
    """(label, engine, model, options) of everybody, the fp32 reference first."""
    module, listed = torch_chain(case), []
    listed.append(("onnxruntime-fp32", "onnxruntime", files["fp32"], {}))
    listed += [(f"apus-{p}", "apus", path, {}) for p, path in mine.items()]
    listed.append(("apus-bf16", "apus", files["fp32"], {"precision": "bf16"}))
    listed.append(("onnxruntime-int8", "onnxruntime", files["int8"], {}))
    listed.append(("openvino-fp32", "openvino", files["fp32"], {"precision": "f32"}))
    listed.append(("openvino-bf16", "openvino", files["fp32"], {"precision": "bf16"}))
    listed.append(("openvino-int8", "openvino", files["int8"], {"precision": "f32"}))
    for precision, name in (("f32", "fp32"), ("bf16", "bf16")):
        listed.append((f"torch-{name}", "torch", module, {"precision": precision}))
        listed.append((f"torch-compile-{name}", "torch", module, {"precision": precision, "compiled": True}))
    listed += [(f"torch-{layout}", "torch_sparse", module, {"layout": layout}) for layout in ("csr", "bsr")]
    listed.append(("deepsparse", "deepsparse", files["fp32"], {}))
    return listed


def field(case: Case, threads: int) -> tuple[list[Contender], dict[str, str]]:
    """Who takes part, and why the others do not."""
    present, absent, inputs = [], {}, {"x": samples(case, 1)[0]}
    for label, engine, model, options in entries(case, onnx_files(case), ours(case)):
        try:
            made = contender(engine, model, label=label, network=case.name, **options)
            if engine in ("torch_sparse", "deepsparse"):  # the two that may find no kernel, or no Python
                made.load(inputs, threads)()
            present.append(made)
        except (ApusError, RuntimeError, ImportError) as error:
            absent[label] = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return present, absent


def errors(case: Case, contenders: list[Contender]) -> dict[str, float]:
    """Relative error (root mean square) of each against a float64 run, over several inputs."""
    found: dict[str, list[float]] = {c.label: [] for c in contenders}
    for x in samples(case, SAMPLES, seed=3):
        exact = reference(case, x)
        for c in contenders:
            (y,) = c.load({"x": x}, 1)()
            found[c.label].append(float(np.sqrt(((y - exact) ** 2).sum() / (exact**2).sum())))
    return {label: float(np.mean(values)) for label, values in found.items()}


def reference(case: Case, x: np.ndarray) -> np.ndarray:
    """The chain in float64."""
    import torch

    with torch.inference_mode():
        return torch_chain(case).double()(torch.from_numpy(x).double()).numpy()  # type: ignore[attr-defined]


def contest(case: Case, threads: int, seconds: float) -> tuple[list[Measurement], dict[str, float], dict[str, str]]:
    """Measurements, errors by label, and reasons of absence by label."""
    contenders, absent = field(case, threads)
    if threads == 1:
        judged = [c for c in contenders if c.label in (*OURS, "onnxruntime-int8", "openvino-bf16", "openvino-int8")]
        error = errors(case, judged)
    else:
        error = {}
    # Generous: bf16 and int8 over eight layers; `errors` is the finer judge.
    measured = compare(contenders, {"x": samples(case, 1)[0]}, threads=threads, seconds=seconds, tolerance=0.3)
    return measured, error, absent


def rows(case: Case, threads: int, seconds: float, roof_us: dict[str, float]) -> list[Row]:
    """The rows of one case at one number of threads; `roof_us` is the least time of a layer, by label of ours."""
    measured, error, absent = contest(case, threads, seconds)
    layer = {m.contender: m.p50_us / LAYERS for m in measured}
    allowed = [o for o in OURS if error.get(o, 0.0) <= error.get("onnxruntime-int8", np.inf) * 1.02]
    mine = min(allowed, key=lambda label: layer[label])
    peers = {label: us for label, us in layer.items() if label not in OURS}
    floats = {label: us for label, us in peers.items() if label in FP32}
    best, best_float = min(peers, key=peers.__getitem__), min(floats, key=floats.__getitem__)
    by = {m.contender: m for m in measured}
    name = case.name if threads == 1 else f"{case.name}-t{threads}"
    detail = {"best_peer": best, "apus": mine, "apus_us": layer[mine], "layer_us": layer, "errors": error}
    detail |= {"absent": absent, "threads": threads}

    def ratio(metric: str, peer: str, own: str, explained: dict[str, Any]) -> Row:
        low, high = by[peer].low_us / by[own].high_us, by[peer].high_us / by[own].low_us
        return row(name, metric, layer[peer] / layer[own], "x", low=low, high=high, runs=by[own].runs, detail=explained)

    floats_detail = {"best_peer": best_float, "apus_us": layer["apus-fp32"]}
    made = [
        ratio("speedup_vs_best_peer", best, mine, detail),
        ratio("speedup_fp32", best_float, "apus-fp32", floats_detail),
    ]
    if halves := [label for label in BF16 if label in peers]:
        best_half = min(halves, key=peers.__getitem__)
        explained = {"best_peer": best_half, "apus_us": layer["apus-bf16"]}
        made.append(ratio("speedup_bf16", best_half, "apus-bf16", explained))
    if mine in roof_us:
        roof = roof_us[mine]
        made.append(row(name, "roofline_pct", 100 * roof / layer[mine], "%", detail={"roof_us": roof}))
    return made
