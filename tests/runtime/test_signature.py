"""Inputs and outputs as ONNX Runtime describes them."""

from apus.runtime.signature import NodeArg, node_arg


def test_types_and_symbols() -> None:
    assert node_arg(("x", "float32", ["n", 3]), {}) == NodeArg("x", "tensor(float)", ["n", 3])
    assert node_arg(("x", "int64", ["n", "t"]), {"n": 2}) == NodeArg("x", "tensor(int64)", [2, "t"])
    assert node_arg(("x", "bool", []), {}).type == "tensor(bool)"
