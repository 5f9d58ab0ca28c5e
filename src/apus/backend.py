"""The engine behind ONNX's own interface of backends, for its conformance tests and whoever else speaks it.

```python
rep = apus.backend.prepare(onnx.load("model.onnx"))
outputs = rep.run([image])
```
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep

from apus.artifact import Array
from apus.compile.adaptive import Adaptive
from apus.compile.hybrid import Hybrid
from apus.errors import CompileError


class ApusRep(BackendRep):
    """A prepared model; `run` takes inputs in the model's order.

    Args:
        model: an ONNX model.
        onnxruntime: whether ONNX Runtime may run what the engine refuses.
    """

    def __init__(self, model: onnx.ModelProto, onnxruntime: bool = False) -> None:
        self._model, self._allowed = model, onnxruntime
        self._runner: Adaptive | Hybrid = Adaptive(model)

    @property
    def native(self) -> bool:
        """Whether the engine alone ran it."""
        return isinstance(self._runner, Adaptive)

    def run(self, inputs: Sequence[Array], **kwargs: Any) -> tuple[Array, ...]:
        """Run once.

        Args:
            inputs: arrays in the model's order.
            **kwargs: none is used.

        Returns:
            Outputs in the model's order.

        Raises:
            CompileError: operator, node and fix.
        """
        feed = dict(zip(self._runner.inputs, inputs, strict=False))
        try:
            if not all(isinstance(array, np.ndarray | np.generic) for array in feed.values()):
                raise CompileError("sequences and optional inputs are not supported; only arrays are")
            return tuple(self._runner.run(feed))
        except CompileError:
            if not self._allowed or not self.native:
                raise
            self._runner = Hybrid(self._model)
            return tuple(self._runner.run(feed))


class ApusBackend(Backend):
    """`onnx.backend.base.Backend` on the engine."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", onnxruntime: bool = False, **kwargs: Any) -> ApusRep:
        """A model ready to run; it is compiled when the first inputs come, for their shapes.

        Args:
            model: an ONNX model.
            device: `CPU`.
            onnxruntime: whether ONNX Runtime, if it is installed, may run what the engine refuses.
            **kwargs: none is used.

        Returns:
            The prepared model.

        Raises:
            CompileError: another device than the CPU.
        """
        if not cls.supports_device(device):
            raise CompileError(f"device {device!r} is not offered: the engine runs on the CPU")
        return ApusRep(model, onnxruntime and find_spec("onnxruntime") is not None)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Only the CPU."""
        return device.split(":")[0] == "CPU"


prepare = ApusBackend.prepare
run_model = ApusBackend.run_model
supports_device = ApusBackend.supports_device
