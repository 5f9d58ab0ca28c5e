"""OpenVINO's CPU plug-in at its best: latency hint, one stream, static shapes, a reused request.

On CPUs with bfloat16 it lowers fp32 silently unless told otherwise, so fp32 rows force it.
"""

from typing import Any

import numpy as np
import openvino as ov

from apus.bench.protocol import Inputs, Runner
from apus.errors import RunError


class Engine:
    """An ONNX model in an OpenVINO inference request."""

    def __init__(self, model: Any, *, label: str, network: str, precision: str = "f32") -> None:
        self.model, self.label, self.network, self.precision = model, label, network, precision

    def load(self, inputs: Inputs, threads: int) -> Runner:
        """Read, fix the shapes, compile, and bind the inputs without a copy; raises RunError if it cannot run it."""
        try:
            model = ov.Core().read_model(self.model if isinstance(self.model, bytes) else str(self.model))
            model.reshape({name: ov.PartialShape(list(array.shape)) for name, array in inputs.items()})
            compiled = ov.Core().compile_model(model, "CPU", self._config(threads))
        except RuntimeError as error:  # INT2, for one, it does not know
            raise RunError(f"{self.label} refuses the model: {str(error).strip().splitlines()[-1]}") from None
        request = compiled.create_infer_request()
        for name, array in inputs.items():
            request.set_tensor(name, ov.Tensor(np.ascontiguousarray(array), shared_memory=True))
        outputs = [request.get_tensor(port) for port in compiled.outputs]

        def run() -> list[Any]:
            request.infer()
            return [tensor.data for tensor in outputs]

        return run

    def settings(self) -> dict[str, object]:
        """Version and options."""
        return {"version": ov.__version__.split("-")[0], "hint": "LATENCY", "streams": 1, "precision": self.precision}

    def _config(self, threads: int) -> dict[str, Any]:
        return {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": self.precision,
            "ENABLE_CPU_PINNING": False,  # the benchmark pins everybody
        }
