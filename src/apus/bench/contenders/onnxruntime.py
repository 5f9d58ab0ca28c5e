"""ONNX Runtime's CPU provider at its best: all optimisations, static shapes, spinning threads, the faster call."""

import time
from typing import Any

import onnxruntime as ort

from apus.bench.protocol import Inputs, Runner


class Engine:
    """An ONNX model (path or bytes) in `onnxruntime.InferenceSession`."""

    def __init__(self, model: Any, *, label: str, network: str) -> None:
        self.model, self.label, self.network = model, label, network
        self._call = ""

    def load(self, inputs: Inputs, threads: int) -> Runner:
        """Make the session, and pick the faster of a plain run and IOBinding."""
        session = ort.InferenceSession(_source(self.model), self._options(inputs, threads), ["CPUExecutionProvider"])
        calls = {"run": _plain(session, inputs), "IOBinding": _bound(session, inputs)}
        self._call = min(calls, key=lambda name: _quickest(calls[name]))
        return calls[self._call]

    def settings(self) -> dict[str, object]:
        """Version and options."""
        return {
            "version": ort.__version__,
            "optimisation": "ORT_ENABLE_ALL",
            "execution": "sequential",
            "spinning": True,
            "call": self._call,
        }

    def _options(self, inputs: Inputs, threads: int) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.log_severity_level = 3
        for name, size in _symbols(self.model, inputs).items():
            options.add_free_dimension_override_by_name(name, size)
        return options


def _source(model: Any) -> Any:
    return model if isinstance(model, bytes) else str(model)


def _symbols(model: Any, inputs: Inputs) -> dict[str, int]:
    """Sizes of the symbolic input dimensions, so that shapes are static for everybody."""
    quiet = ort.SessionOptions()
    quiet.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    quiet.log_severity_level = 3
    declared = ort.InferenceSession(_source(model), quiet, ["CPUExecutionProvider"]).get_inputs()
    return {
        symbol: int(size)
        for value in declared
        for symbol, size in zip(value.shape, inputs[value.name].shape, strict=True)
        if isinstance(symbol, str)
    }


def _plain(session: ort.InferenceSession, inputs: Inputs) -> Runner:
    feed = dict(inputs)
    return lambda: session.run(None, feed)


def _bound(session: ort.InferenceSession, inputs: Inputs) -> Runner:
    binding = session.io_binding()
    for name, array in inputs.items():
        binding.bind_cpu_input(name, array)
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")

    def run() -> list[Any]:
        session.run_with_iobinding(binding)
        return list(binding.copy_outputs_to_cpu())

    return run


def _quickest(runner: Runner, runs: int = 30) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        runner()
        times.append(time.perf_counter() - start)
    return min(times)
