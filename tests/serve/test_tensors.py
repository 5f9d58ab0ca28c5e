"""Every datatype there and back; nothing is lost in silence."""

import numpy as np
import pytest

from apus.runtime import NodeArg
from apus.serve.refusal import Refusal
from apus.serve.tensors import DATATYPES, decode, describe, encode


@pytest.mark.parametrize("kind", DATATYPES)
def test_there_and_back(kind: str) -> None:
    datatype, arg = DATATYPES[kind], NodeArg("x", kind, ["N", 2])
    array = np.array([[0, 1], [1, 1]]).astype(datatype.dtype)
    if datatype.dtype.kind in "iu":
        array[0] = np.iinfo(datatype.dtype).min, np.iinfo(datatype.dtype).max
    if datatype.name == "FP32":
        array[0] = np.float32(0.1), -np.finfo(np.float32).max
    back = decode("inputs[0]", encode(arg, array), arg)
    assert back.dtype == array.dtype and describe(arg)["shape"] == [-1, 2]
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("kind", "value"), [("int8", 128), ("uint8", -1), ("int32", 1.5), ("int64", 2**63), ("bool", 1), ("int32", True)]
)
def test_no_silent_loss(kind: str, value: object) -> None:
    arg = NodeArg("x", f"tensor({kind})", [1])
    with pytest.raises(Refusal, match=r"inputs\[0\]\.data"):
        decode("inputs[0]", {"datatype": kind.upper(), "shape": [1], "data": [value]}, arg)


def test_no_rows_are_a_batch_too() -> None:
    item = {"datatype": "FP32", "shape": [0, 3], "data": []}
    assert decode("inputs[0]", item, NodeArg("x", "tensor(float)", ["N", 3])).shape == (0, 3)
