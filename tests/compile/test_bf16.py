"""precision="bf16": what is stored in bfloat16, what is not, and how far results may be off."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import apus
from apus.artifact import Graph, from_bfloat16, read, to_bfloat16, unpack, value_bits
from apus.bench.layers import error_bound, examine
from apus.compile import compile_model
from apus.compile.adaptive import Adaptive
from apus.compile.hybrid import Hybrid
from apus.compile.share import share
from apus.errors import CompileError, RunError

HEAD = '<ir_version: 8, opset_import: ["": 17]> '
CONV = (
    "m (float[N,5,9,9] x) => (float[N,40,9,9] y) <float[40,5,3,3] w, float[40] b>"
    " { y = Conv<pads = [1,1,1,1]>(x, w, b) }"
)
LINEAR = "m (float[N,70] x) => (float[N,33] y) <float[70,33] w> { y = MatMul(x, w) }"
DEPTHWISE = "m (float[N,6,9,9] x) => (float[N,6,7,7] y) <float[6,1,3,3] w> { y = Conv<group = 6>(x, w) }"
RESET_FIRST = (
    "m (float[6,2,7] x) => (float[6,1,2,20] y) <float[1,60,7] w, float[1,60,20] r>"
    " { y = GRU<hidden_size = 20>(x, w, r) }"
)
GRU = (
    "m (float[6,2,7] x) => (float[6,1,2,20] y) <float[1,60,7] w, float[1,60,20] r>"
    " { y = GRU<hidden_size = 20, linear_before_reset = 1>(x, w, r) }"
)
WEIGHT_ONLY = (
    "m (float[N,70] x) => (float[N,33] y) <int8[70,33] q, float s = {0.01}>"
    " { w = DequantizeLinear(q, s) y = MatMul(x, w) }"
)


def model(text: str, seed: int = 0) -> onnx.ModelProto:
    """A model whose constants are random."""
    random, made = np.random.default_rng(seed), parser.parse_model(HEAD + text)
    for value in made.graph.value_info:
        shape, kind = [d.dim_value for d in value.type.tensor_type.shape.dim], value.type.tensor_type.elem_type
        drawn = random.standard_normal(shape) if kind == onnx.TensorProto.FLOAT else random.integers(-9, 9, shape)
        array = drawn.astype(onnx.helper.tensor_dtype_to_np_dtype(kind))
        made.graph.initializer.append(numpy_helper.from_array(array, value.name))
    del made.graph.value_info[:]
    onnx.checker.check_model(made)
    return made


def changed(made: onnx.ModelProto, change: Callable[[np.ndarray], np.ndarray]) -> onnx.ModelProto:
    """The model with other constants."""
    other = onnx.ModelProto()
    other.CopyFrom(made)
    for tensor in other.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), tensor.name))
    return other


def weight(made: onnx.ModelProto, name: str = "w") -> np.ndarray:
    return next(numpy_helper.to_array(t) for t in made.graph.initializer if t.name == name)


def stored_bits(graph: Graph) -> list[int]:
    return [value_bits(graph.tensor(node, "values")) for node in graph.nodes if "values" in node.tensors]


def run(made: onnx.ModelProto, x: np.ndarray, **options) -> np.ndarray:
    return apus.Session(made, threads=1, **options).run(None, {"x": x})[0]


def test_weights_are_rounded_and_take_half_the_bytes() -> None:
    made = model(LINEAR)
    whole, half = (compile_model(made, precision=p) for p in ("fp32", "bf16"))
    blocks = [graph.tensors[graph.nodes[0].tensors["values"]] for graph in (whole, half)]
    assert blocks[1].nbytes * 2 == blocks[0].nbytes and blocks[1].dtype == np.uint16
    roles = [half.tensor(half.nodes[0], role) for role in ("values", "columns", "strips")]
    rounded = from_bfloat16(to_bfloat16(weight(made).T))
    assert (unpack(type(apus.artifact.pack(rounded))(*roles), 33, 70) == rounded).all()
    assert "precision" not in whole.metadata and half.metadata["precision"] == "bf16"


@pytest.mark.parametrize(
    ("text", "bits"),
    [(CONV, [16]), (LINEAR, [16]), (DEPTHWISE, [32]), (GRU, [16, 16]), (RESET_FIRST, [16, 16]), (WEIGHT_ONLY, [32])],
)
def test_depthwise_and_quantised_weights_stay(text: str, bits: list[int]) -> None:
    made = model(text)
    assert stored_bits(compile_model(made, precision="bf16")) == bits
    assert stored_bits(compile_model(made)) == [32] * len(bits)


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_a_product_is_within_the_stated_bound(rows: int) -> None:
    made, x = model(LINEAR), np.random.default_rng(1).standard_normal((rows, 70)).astype(np.float32)
    graph = compile_model(made, precision="bf16")
    bound = error_bound(graph, graph.nodes[0])
    scale = abs(x).astype(np.float64) @ abs(weight(made))
    error = abs(run(made, x, precision="bf16") - x.astype(np.float64) @ weight(made)) / scale
    assert 1e-4 < error.max() <= bound < 2.0**-7 * 1.01
    assert abs(run(made, x) - x.astype(np.float64) @ weight(made)).max() < 1e-4


def test_a_convolution_is_within_the_stated_bound() -> None:
    made, x = model(CONV), np.random.default_rng(1).standard_normal((2, 5, 9, 9)).astype(np.float32)
    graph = compile_model(made, precision="bf16")
    error = abs(run(made, x, precision="bf16") - run(made, x)) / run(changed(made, abs), abs(x))
    assert 1e-4 < error.max() <= error_bound(graph, graph.nodes[0])


@pytest.mark.parametrize("text", [GRU, RESET_FIRST])
def test_a_recurrent_layer_is_that_of_rounded_weights(text: str) -> None:
    x = np.random.default_rng(1).standard_normal((6, 2, 7)).astype(np.float32)
    made = changed(model(text), lambda w: w / 4)
    got, rounded = run(made, x, precision="bf16"), changed(made, lambda w: from_bfloat16(to_bfloat16(w)))
    assert 1e-5 < abs(got - run(made, x)).max() < 0.02
    assert abs(got - run(rounded, x)).max() < 0.01  # by rows no input is rounded; by planes it may be
    plans = [apus.Session(made, threads=1, precision=p).plan({"x": x.shape}) for p in ("fp32", "bf16")]
    densities = [row["density"] for plan in plans for row in plan if row["op"] == "recurrent"]
    assert densities[0] == densities[1]


def test_whoever_compiles_when_fed_keeps_the_precision() -> None:
    made, x = model(LINEAR), np.ones((2, 70), np.float32)
    want = run(made, x, precision="bf16")
    assert (want != run(made, x)).any()
    for runner in (Adaptive(made, 1, precision="bf16"), Hybrid(made, 1, precision="bf16")):
        np.testing.assert_array_equal(runner.run({"x": x})[0], want)
        assert [stored_bits(graph) for graph in runner.graphs({"x": x})] == [[16]]
    assert stored_bits(share(made, precision="bf16", faster=False)) == [16]
    opened = model(
        "m (float[N,70] x, int64[2] s) => (float[A,B] y) <float[70,33] w> { z = MatMul(x, w) y = Reshape(z, s) }"
    )
    session = apus.Session(opened, threads=1, precision="bf16")
    np.testing.assert_array_equal(session.run(None, {"x": x, "s": np.array([2, 33])})[0], want)


def test_inspect_shows_the_bits(tmp_path: Path) -> None:
    file, x = tmp_path / "m.onnx", np.ones((2, 70), np.float32)
    onnx.save(model(LINEAR), file)
    made = apus.compile(file, precision="bf16")
    assert stored_bits(read(made)) == [16]
    for found in (examine(made, {"x": x}), examine(file, {"x": x}, precision="bf16")):
        assert found.layers[0]["bits"] == 16 and "bf16" in found.layers[0]["kernel"]


def test_a_file_keeps_its_precision(tmp_path: Path) -> None:
    made, x = model(LINEAR), np.ones((2, 70), np.float32)
    half = apus.compile(made, tmp_path / "half.apus", precision="bf16")
    whole = apus.compile(made, tmp_path / "whole.apus")
    want = run(made, x, precision="bf16")
    for source in (half, half.read_bytes()):
        for options in ({}, {"precision": "bf16"}):
            np.testing.assert_array_equal(apus.Session(source, threads=1, **options).run(None, {"x": x})[0], want)
    for source in (whole, whole.read_bytes()):
        with pytest.raises(RunError, match="has its precision already, which is not 'bf16'"):
            apus.Session(source, precision="bf16")


def test_an_unknown_precision_is_named() -> None:
    for call in (compile_model, share, apus.Session, Adaptive):
        with pytest.raises(CompileError, match="precision 'fp16' is not one of fp32, bf16"):
            made = call(model(LINEAR), precision="fp16")
            made.run({"x": np.ones((1, 70), np.float32)})


@pytest.mark.parametrize(
    ("value", "error"), [(3.4e38, "'product': a weight is too large for bfloat16"), (np.nan, "not finite")]
)
def test_a_weight_that_cannot_be_stored_is_named(value: float, error: str) -> None:
    made = changed(model(LINEAR), lambda w: np.where(np.arange(33) == 4, np.float32(value), w))
    made.graph.node[0].name = "product"
    with pytest.raises(CompileError, match=error):
        compile_model(made, precision="bf16")
