"""Run in a venv with NumPy and the wheel alone: the model runs, is right, and `import apus` stays small and quick."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def quickest(code: str) -> float:
    """Seconds of a fresh Python that runs this, of five: other programs may take the cores."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.perf_counter() - start)
    return min(taken)


milliseconds = (quickest("import apus") - quickest("pass")) * 1e3

import apus  # noqa: E402

models = sorted(Path().glob("*.apus"))
for path in models:
    expected, session = np.load(path.with_suffix(".npz")), apus.Session(path)
    (y,) = session.run(None, {session.get_inputs()[0].name: expected["x"]})
    np.testing.assert_allclose(y, expected["y"], rtol=1e-4, atol=1e-4)
heavy = {"torch", "onnx", "scipy"} & set(sys.modules)
assert not heavy, heavy
assert milliseconds <= 150, milliseconds
print(f"bare venv: {[p.name for p in models]} right, import apus {milliseconds:.0f} ms")
