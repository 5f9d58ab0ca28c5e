"""Operators that name places or order elements, and their dtypes, against the standard's reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from reference import check_node, floats

import apus
from apus.compile.lower.indexing import LARGE
from apus.compile.model import to_bytes

DTYPES = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def numbers(dtype: str, *shape: int) -> np.ndarray:
    random = np.random.default_rng(len(shape))
    low = 0 if dtype.startswith("u") else -9
    return random.integers(low, 10, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_and_its_kin_move_any_dtype(dtype: str, axis: int) -> None:
    x = numbers(dtype, 4, 5, 6)
    check_node("Gather", {"x": x, "i": np.asarray([[0, -1], [3, 2]])}, axis=axis)
    check_node("GatherElements", {"x": x, "i": np.random.default_rng(1).integers(-4, 4, (4, 5, 6))}, axis=axis)
    check_node("GatherND", {"x": x, "i": np.asarray([[[0, 1], [3, -2]]])})
    check_node("TopK", {"x": x, "k": np.asarray([3])}, 2, known=("k",), axis=axis) if dtype != "bool" else None


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatter_combines(dtype: str, reduction: str) -> None:
    x = numbers(dtype, 4, 5)
    places = np.asarray([[0, 1, 2], [3, -1, 0]])
    check_node(
        "ScatterElements",
        {"x": x, "i": places, "u": numbers(dtype, 2, 3)},
        opset=18,
        axis=1,
        reduction=reduction,
    )
    check_node("ScatterND", {"x": x, "i": np.asarray([[0], [2]]), "u": numbers(dtype, 2, 5)}, reduction=reduction)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    axis=st.integers(0, 3),
    last=st.booleans(),
    keep=st.booleans(),
    op=st.sampled_from(["ArgMax", "ArgMin"]),
)
def test_arg(shape: list[int], axis: int, last: bool, keep: bool, op: str) -> None:
    x = numbers("int32", *shape)
    check_node(op, {"x": x}, axis=axis % len(shape), keepdims=int(keep), select_last_index=int(last))


@pytest.mark.parametrize(("op", "opset"), [("CumSum", 14), ("CumProd", 26)])
@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_cumulative(op: str, opset: int, exclusive: int, reverse: int) -> None:
    feed = {"x": floats(3, 4, 5), "a": np.asarray(1)}
    check_node(op, feed, known=("a",), opset=opset, exclusive=exclusive, reverse=reverse)


@pytest.mark.parametrize("k", [-4, -1, 0, 2, 6])
@pytest.mark.parametrize("upper", [0, 1])
def test_trilu(k: int, upper: int) -> None:
    check_node("Trilu", {"x": numbers("int64", 3, 4, 5), "k": np.asarray(k)}, known=("k",), upper=upper)


def test_one_hot_and_hardmax_and_reverse_sequence() -> None:
    values = np.asarray([2, 7], np.int32)
    feed = {"i": np.asarray([[0, -1], [3, 9]]), "d": np.asarray(5), "v": values}
    check_node("OneHot", feed, known=("d",), axis=1)
    check_node("Hardmax", {"x": numbers("float32", 3, 4)}, axis=0)
    lengths = np.asarray([4, 1, 3])
    check_node("ReverseSequence", {"x": floats(4, 3, 2), "l": lengths}, time_axis=0, batch_axis=1)


@pytest.mark.parametrize("per", ["table", "row", "place"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_large_table_of_few_bits_stays_so(bits: int, per: str) -> None:
    rows, width = 2 * LARGE // 64 + 1, 64
    random = np.random.default_rng(bits)
    integers = random.integers(-(1 << bits - 1), 1 << bits - 1, (rows, width))
    scale = random.uniform(0.01, 0.1, {"table": (), "row": rows, "place": width}[per]).astype(np.float32)
    kind = {2: TensorProto.INT2, 4: TensorProto.INT4, 8: TensorProto.INT8}[bits]
    table = helper.make_tensor("w", kind, [rows, width], integers.reshape(-1).tolist())
    axis = {"axis": int(per == "place")}
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["t"], **axis),
        helper.make_node("Gather", ["t", "i"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "table",
        [helper.make_tensor_value_info("i", TensorProto.INT64, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [table, numpy_helper.from_array(scale, "s")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=13)
    made, places = to_bytes(model), random.integers(0, rows, (2, 3))
    spread = scale[:, None] if per == "row" else scale
    want = (integers.astype(np.float32) * spread)[places]
    np.testing.assert_array_equal(apus.Session(made).run(None, {"i": places})[0], want)
    assert len(made) < integers.size * bits / 8 + 4 * scale.size + 8192


def test_a_large_table_of_single_numbers() -> None:
    random = np.random.default_rng(0)
    integers, scale = random.integers(-8, 8, LARGE).astype(np.int8), random.random(LARGE).astype(np.float32)
    table = [numpy_helper.from_array(integers, "w"), numpy_helper.from_array(scale, "s")]
    real = helper.make_node("DequantizeLinear", ["w", "s"], ["t"], axis=0)
    ends = [
        helper.make_tensor_value_info(n, kind, ["N"])
        for n, kind in (("i", TensorProto.INT64), ("y", TensorProto.FLOAT))
    ]
    graph = helper.make_graph([real, helper.make_node("Gather", ["t", "i"], ["y"])], "g", ends[:1], ends[1:], table)
    model, places = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), random.integers(0, LARGE, 50)
    found = apus.Session(to_bytes(model)).run(None, {"i": places})[0]
    np.testing.assert_array_equal(found, (integers.astype(np.float32) * scale)[places])
