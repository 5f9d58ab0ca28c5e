"""Ours alone in every format that it stores weights in: the same layers, nine blocks in ten zero."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import apus
from apus.bench import compare, contender
from apus.bench.results import Row, row
from benchmarks.kernels.cases import LAYERS, Case, onnx_chain, samples
from benchmarks.kernels.files import FOLDER, onnx_files

KINDS = {8: TensorProto.INT8, 4: TensorProto.INT4, 2: TensorProto.INT2}
LINEAR = {f"linear-1024-n{rows}-formats": Case("linear", 1024, rows) for rows in (1, 16, 128)}
CONV = {"conv1x1-256-28-formats": Case("conv", 256, 28), "conv3x3-128-28-formats": Case("conv", 128, 28, 3)}
CASES = LINEAR | CONV
FLOATS = ("fp32-16x1", "bf16-16x1")
NAMES = tuple(CASES)


def wide_blocks(model: onnx.ModelProto) -> None:
    """Move blocks of 16x1 together, four neighbouring columns at a time: as many zeros, but in 16x4."""
    for constant in model.graph.initializer:
        if constant.name.endswith(".quantized") and len(constant.dims) == 2:
            weight = numpy_helper.to_array(constant)
            strips = weight.reshape(-1, 16, weight.shape[1])
            made = np.zeros_like(strips)
            for strip, to, rng in zip(strips, made, map(np.random.default_rng, range(len(strips))), strict=True):
                kept = np.flatnonzero(strip.any(0))
                fours = rng.permutation(weight.shape[1] // 4)[: -(-len(kept) // 4)]
                places = (np.sort(fours)[:, None] * 4 + np.arange(4)).ravel()[: len(kept)]
                to[:, places] = strip[:, kept]
            constant.CopyFrom(numpy_helper.from_array(made.reshape(weight.shape), constant.name))


def narrow(model: onnx.ModelProto, bits: int) -> None:
    """Weights in fewer bits, by steps of half (4) or a whole (2) standard deviation."""
    constants = {constant.name: constant for constant in model.graph.initializer}
    for name, constant in list(constants.items()):
        if not name.endswith(".quantized") or len(constant.dims) != 2:
            continue
        weight = numpy_helper.to_array(constant).astype(np.float32)
        step = weight[weight != 0].std() / (2 if bits == 4 else 1)
        most = 2 ** (bits - 1) - 1
        values = np.clip(np.rint(weight / step), -most, most).astype(np.int64)
        stem = name.removesuffix(".quantized")
        scale = numpy_helper.to_array(constants[f"{stem}.scale"]) * step
        zeros = np.zeros(scale.shape, np.int64)
        constants[f"{stem}.scale"].CopyFrom(numpy_helper.from_array(np.float32(scale), f"{stem}.scale"))
        for to, array in ((name, values), (f"{stem}.zero_point", zeros)):
            constants[to].CopyFrom(helper.make_tensor(to, KINDS[bits], array.shape, array.ravel().tolist()))
    model.opset_import[0].version, model.ir_version = 25, 13


def made(case: Case) -> dict[str, Path]:
    """`.apus` by name of the format; of convolutions those that differ in more than bits unpacked."""
    integers = [f"int{bits}-{block}" for block in ("16x1", "16x4") for bits in KINDS]
    names = (*FLOATS, *(integers if case.kind == "linear" else integers[:1]))
    paths = {name: FOLDER / f"{case.name}-{name}.apus" for name in names}
    for name, path in paths.items():
        if path.exists():
            continue
        FOLDER.mkdir(parents=True, exist_ok=True)
        if name in FLOATS:
            apus.compile(onnx_chain(case), path, precision=name.split("-")[0])
            continue
        model = onnx.load(onnx_files(case)["int8"])
        bits = int(name[3])
        if name.endswith("16x4"):
            wide_blocks(model)
        if bits < 8:
            narrow(model, bits)
        apus.compile(model, path)
    return paths


def rows(name: str, seconds: float) -> list[Row]:
    """Microseconds of a layer and bytes of the file, by format."""
    case = CASES[name]
    paths = made(case)
    entries = [contender("apus", path, label=label, network=label) for label, path in paths.items()]
    x, result = {"x": samples(case, 1)[0]}, []
    for m in compare(entries, x, seconds=seconds):
        spread = {"low": m.low_us / LAYERS, "high": m.high_us / LAYERS, "runs": m.runs}
        detail = {"file_bytes": paths[m.contender].stat().st_size}
        result.append(row(f"{name}-{m.contender}", "layer_us", m.p50_us / LAYERS, "us", **spread, detail=detail))
    return result
