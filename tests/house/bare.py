"""Run in a venv with NumPy and the wheel alone: the model runs, is right, and `import apus` stays small and quick."""

import subprocess
import sys
import time

import numpy as np

start = time.perf_counter()
subprocess.run([sys.executable, "-c", "pass"], check=True)
empty = time.perf_counter() - start
start = time.perf_counter()
subprocess.run([sys.executable, "-c", "import apus"], check=True)
milliseconds = (time.perf_counter() - start - empty) * 1e3

import apus  # noqa: E402

expected = np.load("expected.npz")
(y,) = apus.Session("model.apus").run(None, {"x": expected["x"]})
np.testing.assert_allclose(y, expected["y"], rtol=1e-4, atol=1e-4)
heavy = {"torch", "onnx", "scipy"} & set(sys.modules)
assert not heavy, heavy
assert milliseconds <= 150, milliseconds
print(f"bare venv: right, import apus {milliseconds:.0f} ms")
