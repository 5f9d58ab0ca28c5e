"""Is an `.apus` file the same function as its ONNX model? ONNX Runtime is the judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apus.artifact import Graph, read, value_bits
from apus.bench.protocol import Array, Inputs
from apus.errors import MissingExtraError, RunError, VerificationError
from apus.runtime import Session

FLOAT_TOLERANCE = 1e-4
"""Largest max|a-b| / max|b| of a float32 model: summation order alone, over some dozens of layers."""
BF16_TOLERANCE = 0.02
"""The same with weights in bfloat16: roundings of 2⁻⁹ of a value, on average, of either sign."""
INT8_TOLERANCE = 0.05
"""The same for an int8 model: engines round a requantised value half up or half to even, and a flip of one step
travels on through the layers behind it."""


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """One output of the engine against the reference.

    `lsb` is the largest difference in steps of the output's own quantisation, and None for a float output; `ulp` the
    largest difference in units of the last place at the reference's largest value, and None for integers.
    """

    output: str
    max_absolute: float
    relative: float
    ulp: float | None
    lsb: float | None
    argmax_pct: float | None
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.relative <= self.tolerance


def verify(
    onnx_model: str | Path, artifact: str | Path, inputs: Inputs, *, tolerance: float | None = None, threads: int = 1
) -> list[OutputCheck]:
    """Run both and compare every output.

    Args:
        onnx_model: path of the reference.
        artifact: path of the `.apus` file.
        inputs: one array per model input.
        tolerance: largest allowed max|a-b| / max|b|; by default that of a float32, a bfloat16 or an int8 model.
        threads: threads of the engine.

    Returns:
        One check per output; the caller decides on `passed`.

    Raises:
        MissingExtraError: ONNX Runtime is absent.
        RunError: ONNX Runtime cannot open the model, or not run it on these inputs.
        VerificationError: the two have other outputs or shapes, or one is not finite where the other is.
    """
    graph = read(artifact)
    if tolerance is None:
        tolerance = _tolerance(graph)
    session = Session(artifact, threads=threads)
    names = [value.name for value in session.get_outputs()]
    ours = session.run(None, inputs)
    reference = _reference(onnx_model, names, inputs)
    return [
        check_output(name, a, b, tolerance=tolerance, step=_step(graph, name))
        for name, a, b in zip(names, ours, reference, strict=True)
    ]


def _tolerance(graph: Graph) -> float:
    if any(value.quantised for value in graph.values.values()):
        return INT8_TOLERANCE
    weights = [graph.tensor(node, "values") for node in graph.nodes if "values" in node.tensors]
    return BF16_TOLERANCE if any(value_bits(values) == 16 for values in weights) else FLOAT_TOLERANCE


def check_output(name: str, ours: Array, reference: Array, *, tolerance: float, step: float | None) -> OutputCheck:
    """Compare one output.

    Args:
        name: of the output.
        ours: the engine's array.
        reference: the judge's array.
        tolerance: largest allowed max|a-b| / max|b|.
        step: quantisation step of the output, if it has one.

    Returns:
        The check.

    Raises:
        VerificationError: another shape, one is finite where the other is not, or none is anywhere.
    """
    if ours.shape != reference.shape:
        raise VerificationError(f"output {name!r} has shape {list(ours.shape)}, the reference {list(reference.shape)}")
    a, b = ours.astype(np.float64), reference.astype(np.float64)
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        raise VerificationError(f"output {name!r} is not finite in places where the other run is")
    finite = np.isfinite(b)
    if b.size and not finite.any():
        raise VerificationError(
            f"output {name!r} holds no number in either run, so nothing is compared: see the inputs"
        )
    absolute, size = (
        float(np.abs(x[finite]).max(initial=0)) for x in (np.subtract(a, b, where=finite, out=np.zeros_like(a)), b)
    )
    classes = a.ndim > 1 and a.shape[-1] > 1
    return OutputCheck(
        output=name,
        max_absolute=absolute,
        relative=absolute / size if size else absolute,
        ulp=absolute / float(np.spacing(np.float32(size or 1))) if reference.dtype.kind == "f" else None,
        lsb=absolute / step if step else None,
        argmax_pct=100 * float((a.argmax(-1) == b.argmax(-1)).mean()) if classes else None,
        tolerance=tolerance,
    )


def _reference(model: str | Path, names: Sequence[str], inputs: Inputs) -> list[Array]:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtraError("the judge is ONNX Runtime, which is absent: pip install 'apus-ml[bench]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise RunError(f"ONNX Runtime, the judge, cannot open {model}: {error}") from error
    has = [value.name for value in session.get_outputs()]
    if set(has) != set(names):
        raise VerificationError(f"{model} has outputs {', '.join(has)}, the .apus file {', '.join(names)}")
    try:
        outputs: list[Array] = session.run(list(names), dict(inputs))
    except Exception as error:  # its errors have no public base
        raise RunError(
            f"ONNX Runtime cannot run {model} on the .apus file's inputs: is it another model? {error}"
        ) from error
    return outputs


def _step(graph: Graph, output: str) -> float | None:
    """The scale that a dequantised output has, if it has one."""
    producers = {node.output: node for node in graph.nodes}
    node = producers.get(output)
    while node is not None and node.op in {"reshape", "flatten", "transpose"}:
        node = producers.get(node.inputs[0])
    return graph.values[node.inputs[0]].scale if node is not None and node.op == "dequantize" else None
