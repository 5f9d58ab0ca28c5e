"""ONNX's own conformance cases: whatever compiles gives the published outputs; the rest is refused by a typed error."""

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from agreement import engine_outputs
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from apus.artifact import Array
from apus.compile import compile_model
from apus.errors import CompileError

# kind of case → how many at least compile; a fall means that something was lost
COMPILED = {"simple": 1, "pytorch-operator": 35, "pytorch-converted": 82, "node": 900}


def tensor(path: Path) -> Array:
    return numpy_helper.to_array(onnx.load_tensor(path))


def _array(x: Any) -> Any:
    return numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x


def cases(case: Any) -> tuple[onnx.ModelProto, list[tuple[list[Array], list[Array]]]]:
    """The model of a case, and its pairs of inputs and outputs."""
    if case.model is not None:
        return case.model, [
            ([_array(x) for x in inputs], [_array(x) for x in outputs]) for inputs, outputs in case.data_sets
        ]
    folder = Path(case.model_dir)
    sets = [
        tuple(
            [tensor(p / f"{kind}_{i}.pb") for i in range(len(list(p.glob(f"{kind}_*.pb"))))]
            for kind in ("input", "output")
        )
        for p in sorted(folder.glob("test_data_set_*"))
    ]
    return onnx.load(folder / "model.onnx"), sets  # type: ignore[return-value]


@pytest.mark.parametrize(
    "kind", ["simple", "pytorch-operator", "pytorch-converted", pytest.param("node", marks=pytest.mark.slow)]
)
def test_no_case_is_wrong(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reference implementations that make the cases divide by zero
        loaded = load_model_tests(kind=kind)
    verdicts: Counter[str] = Counter()
    for case in loaded:
        try:
            model, sets = cases(case)
            graph = compile_model(model)
        except CompileError:
            verdicts["refused"] += 1
            continue
        for inputs, outputs in sets:
            feed = dict(zip((entry.name for entry in model.graph.input), inputs, strict=False))
            for got, want in zip(engine_outputs(graph, feed), outputs, strict=True):
                assert got.dtype == want.dtype and got.shape == want.shape, case.name
                np.testing.assert_allclose(got, want, rtol=case.rtol, atol=max(case.atol, 1e-6), err_msg=case.name)
        verdicts["right"] += 1
    assert verdicts["right"] >= COMPILED[kind], verdicts
