"""DeepSparse (deprecated in June 2025) in a Python of its own, since it pins an old NumPy and an old onnx.

`APUS_DEEPSPARSE_PYTHON` names that Python:
`python3 -m venv V && V/bin/pip install --only-binary=:all: deepsparse==1.8.0`, then V/bin/python.
Runs are timed inside that process, so that no pipe is counted; results come back through files.
"""

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from apus.bench.protocol import Array, Inputs
from apus.errors import RunError

PYTHON = "APUS_DEEPSPARSE_PYTHON"
_WORKER = Path(__file__).with_name("_deepsparse_worker.py")


class Engine:
    """An ONNX model (path) in `deepsparse.Engine`."""

    def __init__(self, model: Any, *, label: str, network: str) -> None:
        self.model, self.label, self.network = str(model), label, network
        self._version = ""

    def load(self, inputs: Inputs, threads: int) -> "Remote":
        """Start the process; it inherits the CPUs that this one is pinned to."""
        python = os.environ.get(PYTHON)
        if not python:
            raise RunError(f"contender 'deepsparse' needs {PYTHON}: a Python of its own that has deepsparse 1.8.0")
        runner = Remote(python, self.model, list(inputs.values()), threads)
        self._version = runner.version
        return runner

    def settings(self) -> dict[str, object]:
        """Its version."""
        return {"version": self._version, "process": "its own"}


class Remote:
    """A runner in another process: calling it returns outputs, `turn` returns times."""

    def __init__(self, python: str, model: str, arrays: list[Array], threads: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        feed = Path(self._folder.name) / "inputs.npz"
        np.savez(feed, **{str(i): array for i, array in enumerate(arrays)})  # type: ignore[arg-type]
        self._outputs = feed.with_name("outputs.npz")
        environment = os.environ | {"NM_DISABLE_ANALYTICS": "1", "OMP_NUM_THREADS": str(threads)}
        command = [python, str(_WORKER), model, str(feed), str(self._outputs), str(threads)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.version = str(self._ask("version"))

    def __call__(self) -> list[Array]:
        self._ask("outputs")
        with np.load(self._outputs) as archive:
            return [archive[name] for name in archive.files]

    def turn(self, seconds: float) -> Array:
        """Nanoseconds of each run, for that long."""
        return np.array(self._ask(f"turn {seconds}"), np.int64)

    def _ask(self, question: str) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise RunError("the DeepSparse process has no pipes")
        with contextlib.suppress(BrokenPipeError):  # its end shows below
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
        while line := self._process.stdout.readline():
            if line.startswith("{"):  # it prints banners of its own
                return json.loads(line)["answer"]
        raise RunError(f"the DeepSparse process ended with status {self._process.wait()}: does it know this CPU?")

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        self._folder.cleanup()
