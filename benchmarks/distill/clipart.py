"""Drawings: what recipes/clipart.toml delivers against its teacher, and the same file on an emulated phone's processor.

The C example runs the first test drawings under qemu-aarch64, where it is installed: it shows what is right there, not
what is fast.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from recipes.clipart import CLASSES, load

from apus import Session
from apus.bench.results import Row, row
from apus.compress import read_recipe
from apus.export import INPUT
from benchmarks.variants import Study

DRAWINGS = Study(read_recipe(Path("recipes/clipart.toml")), "clipart")
STAGES = ("teacher", "student", "quantize")
FILES = ("export", "compile", "verify")
BUILD, EMULATED = Path("build/aarch64-example"), 32


def rows() -> list[Row]:
    """Accuracies on the test drawings, what the small network loses, and whether a phone's processor agrees."""
    found = {stage: DRAWINGS.walked("", DRAWINGS.recipe, STAGES[: place + 1]) for place, stage in enumerate(STAGES)}
    delivered = DRAWINGS.walked("", DRAWINGS.recipe, [*STAGES, *FILES])
    made, size = [], {"bytes": (DRAWINGS.folder(0) / "student.apus").stat().st_size}
    for stage, facts in found.items():
        detail = {"parameters": facts["parameters"], "seconds": facts["seconds"]}
        made.append(row(f"clipart-{stage}", "accuracy_pct", facts["accuracy_pct"], "%", detail=detail))
    large, small = delivered["teacher_accuracy_pct"], delivered["student_accuracy_pct"]
    made.append(row("clipart-delivered", "accuracy_pct", small, "%", detail=size))
    made.append(row("clipart-delivered", "drop_points", large - small, "points"))
    return made + _phone()


def _phone() -> list[Row]:
    tools = [shutil.which(name) for name in ("qemu-aarch64", "aarch64-linux-gnu-g++", "aarch64-linux-gnu-gcc")]
    if None in tools:
        print("no qemu-aarch64 or compiler for it here: the phone's processor is left out", flush=True)
        return []
    x = load()[2][0][:EMULATED].astype(np.float32) / 255
    ours = Session(DRAWINGS.folder(0) / "student.apus").run(None, {INPUT: x})[0]
    theirs = _emulated(x)
    same = 100 * float((ours.argmax(1) == theirs.argmax(1)).mean())
    detail = {"drawings": len(x), "largest_difference": float(np.abs(ours - theirs).max())}
    return [row("clipart-aarch64", "same_class_pct", same, "%", detail=detail)]


def _emulated(x: np.ndarray) -> np.ndarray:
    """Logits (N, 10) of images (N, 3, H, W) by examples/run_apus.c on an emulated AArch64."""
    cross = {"CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": "aarch64", "CMAKE_EXE_LINKER_FLAGS": "-static"}
    cross |= {"CMAKE_C_COMPILER": "aarch64-linux-gnu-gcc", "CMAKE_CXX_COMPILER": "aarch64-linux-gnu-g++"}
    options = [f"-D{name}={value}" for name, value in cross.items()]
    cmake = shutil.which("cmake", path=Path(sys.executable).parent) or "cmake"
    subprocess.run([cmake, "-S", ".", "-B", BUILD, "-DCMAKE_BUILD_TYPE=Release", *options], check=True)
    subprocess.run([cmake, "--build", BUILD, "--target", "run_apus", "--parallel", "2"], check=True)
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch) / "x.raw", Path(scratch) / "y.raw"
        given.write_bytes(np.ascontiguousarray(x).tobytes())
        model = DRAWINGS.folder(0) / "student.apus"
        subprocess.run(["qemu-aarch64", BUILD / "run_apus", model, str(len(x)), given, made], check=True)
        return np.frombuffer(made.read_bytes(), np.float32).reshape(len(x), CLASSES)
