"""foreign.py: a part of a network in ONNX Runtime, and clear errors where that cannot be."""

import sys

import numpy as np
import onnx
import pytest

from apus.errors import CompileError, MissingExtraError, RunError
from apus.runtime.foreign import Foreign, installed

RELU = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]> m (float[2] x) => (float[2] y) { y = Relu(x) }')


def test_it_runs() -> None:
    part = Foreign(RELU.SerializeToString(), 1, "Relu", alone=True)
    assert part.run({"x": np.asarray([-1, 2], np.float32)})[0].tolist() == [0, 2]
    with pytest.raises(RunError, match="cannot run its part, Relu"):
        part.run({"x": np.zeros(2, np.int64)})


def test_what_it_refuses_is_an_error() -> None:
    with pytest.raises(CompileError, match="ONNX Runtime refuses Relu too"):
        Foreign(b"no model", 1, "Relu")


def test_its_absence_is_an_error_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not installed()
    with pytest.raises(MissingExtraError, match=r"cannot run Relu; ONNX Runtime might: pip install onnxruntime"):
        Foreign(RELU.SerializeToString(), 1, "Relu")
