"""Run ONNX's backend tests of one kind and print a verdict a line, as JSON.

`right`, `refused` (a typed error that says why) or `wrong` (another answer, or any other error); natively, and with
ONNX Runtime for what the engine refuses.
"""

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from apus.backend import prepare
from apus.errors import ApusError

KINDS = ("node", "simple", "pytorch-operator", "pytorch-converted")


def _array(x: Any) -> Any:
    if isinstance(x, onnx.TensorProto):
        return numpy_helper.to_array(x)
    return numpy_helper.to_list(x) if isinstance(x, onnx.SequenceProto) else x


def _load(path: Path, kind: Any) -> Any:
    if not kind.HasField("tensor_type"):
        return _array(onnx.SequenceProto.FromString(path.read_bytes()))
    return _array(onnx.load_tensor(path))


def contents(case: Any) -> tuple[onnx.ModelProto, list[tuple[list[Any], list[Any]]]]:
    """The model of a case, and its pairs of inputs and outputs."""
    if case.model is not None:
        return case.model, [([_array(x) for x in pair[0]], [_array(x) for x in pair[1]]) for pair in case.data_sets]
    folder = Path(case.model_dir)
    model = onnx.load(folder / "model.onnx")
    constants = {tensor.name for tensor in model.graph.initializer}
    ends = {
        "input": [value.type for value in model.graph.input if value.name not in constants],
        "output": [value.type for value in model.graph.output],
    }
    pairs = []
    for place in sorted(folder.glob("test_data_set_*")):
        arrays = {
            side: [
                _load(place / f"{side}_{i}.pb", t) for i, t in enumerate(types) if (place / f"{side}_{i}.pb").exists()
            ]
            for side, types in ends.items()
        }
        pairs.append((arrays["input"], arrays["output"]))
    return model, pairs


def agrees(got: Any, want: Any, case: Any) -> bool:
    """Equal dtype and shape, elements within the tolerance that the case states."""
    if want is None or isinstance(want, list):
        same = isinstance(got, list) and isinstance(want, list) and len(got) == len(want)
        return (got is None and want is None) or (
            same and all(agrees(g, w, case) for g, w in zip(got, want, strict=True))
        )
    got, want = np.asarray(got), np.asarray(want)
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    if want.dtype.kind not in "fiub":
        if want.dtype.kind in "OSUT":
            return bool((got.astype(str) == want.astype(str)).all())
        got, want = got.astype(np.float32), want.astype(np.float32)
    return bool(np.allclose(got, want, rtol=case.rtol, atol=case.atol, equal_nan=True))


class Alone:
    """ONNX Runtime without us; whatever it raises is a refusal."""

    def __init__(self, model: onnx.ModelProto) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        except Exception as error:
            raise ApusError(str(error)) from error

    def run(self, inputs: list[Any]) -> list[Any]:
        """One result per output."""
        names = [value.name for value in self._session.get_inputs()]
        try:
            return list(self._session.run(None, dict(zip(names, inputs, strict=False))))
        except Exception as error:
            raise ApusError(str(error)) from error


def verdict(case: Any, make: Callable[[onnx.ModelProto], Any]) -> tuple[str, str]:
    """What comes of one case in what `make` makes of its model, and why."""
    try:
        model, pairs = contents(case)
        rep = make(model)
        for inputs, outputs in pairs:
            for got, want in zip(rep.run(inputs), outputs, strict=True):
                if not agrees(got, want, case):
                    return "wrong", "another answer"
    except ApusError as error:
        return "refused", str(error).split(" Fix:")[0]
    except Exception as error:  # that nothing else is raised is what is tested
        return "wrong", f"{type(error).__name__}: {error}"
    return "right", ""


def verdicts(kind: str, start: int = 0, onnxruntime: bool = True) -> Iterator[dict[str, Any]]:
    """One record per case from number `start` on.

    Args:
        kind: one of `KINDS`.
        start: number of the first case.
        onnxruntime: whether to try again with ONNX Runtime what the engine refuses, and ONNX Runtime alone.

    Yields:
        `name`, `operator`, `native` (the verdict), `why`, `shared` (with ONNX Runtime) and `alone` (its own).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reference implementations that make the cases divide by zero
        cases = load_model_tests(kind=kind)
        for case in cases[start:]:
            native, why = verdict(case, prepare)
            record = {"name": case.name, "operator": case.name, "native": native, "why": why}
            if case.model is not None:
                record["operator"] = case.model.graph.node[0].op_type
            if onnxruntime:
                helped = native == "refused"
                record["shared"] = verdict(case, partial(prepare, onnxruntime=True))[0] if helped else native
                record["alone"] = verdict(case, Alone)[0]
            yield record


if __name__ == "__main__":
    for record in verdicts(sys.argv[1], int(sys.argv[2])):
        print(json.dumps(record), flush=True)
