"""QDQ models through `fuse_quantised`: int8 nodes, bytes between them, and ONNX Runtime's results within one step."""

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from agreement import check, engine_outputs, onnxruntime_outputs, ops, random_feed, text_model
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType

import oracle
from apus.artifact import Graph, to_bytes, value_bits
from apus.compile import PASSES, compile_model


def byte_values(graph: Graph) -> int:
    return sum(value.quantised for value in graph.values.values())


@pytest.mark.parametrize("activation", [QuantType.QUInt8, QuantType.QInt8])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_static_quantisation(
    name: str, activation: QuantType, per_channel: bool, exported: dict, tmp_path: Path
) -> None:
    model, feed = exported[name]
    qdq = networks.quantised(model, feed, tmp_path, activation, per_channel)
    graph = check(qdq, feed, atol=5e-3)
    for node in graph.nodes:
        if node.op in ("conv", "linear"):
            assert graph.tensor(node, "values").dtype == np.int8, node.name
    assert byte_values(graph) >= {"mlp": 7, "cnn": 10}[name]


@pytest.mark.parametrize("off", sorted(PASSES))
def test_each_pass_keeps_the_meaning(off: str, exported: dict, tmp_path: Path) -> None:
    model, feed = exported["cnn"]
    qdq = networks.quantised(model, feed, tmp_path, QuantType.QInt8, True)
    check(qdq, feed, atol=5e-3, passes=[step for step in PASSES if step != off])


def qdq_conv(
    *, weight: np.ndarray, weight_scale: np.ndarray, bias: np.ndarray, after: str = "", signed: bool = False
) -> onnx.ModelProto:
    """x → Q → DQ → Conv(DQ(weight), bias) → `after` → Q → DQ → y."""
    kind = "int8" if signed else "uint8"
    zeros = (f"{kind} zx = {{3}}", f"{kind} zy = {{{-5 if signed else 100}}}")
    model = text_model(
        f"m (float[N,3,6,6] x) => (float[A,B,C,D] y) <float sx = {{0.03}}, float sy = {{0.05}}, {', '.join(zeros)},"
        " int8[1] w = {0}, float[1] sw = {0}, float[1] b = {0}>"
        " { qx = QuantizeLinear(x, sx, zx)  dx = DequantizeLinear(qx, sx, zx)"
        "   dw = DequantizeLinear <axis = 0> (w, sw)  c = Conv <pads = [1, 1, 1, 1]> (dx, dw, b)"
        f"   {after or 'r = Identity(c)'}  qy = QuantizeLinear(r, sy, zy)  y = DequantizeLinear(qy, sy, zy) }}"
    )
    for tensor, array in (("w", weight), ("sw", weight_scale), ("b", bias)):
        old = next(entry for entry in model.graph.initializer if entry.name == tensor)
        old.CopyFrom(numpy_helper.from_array(array, tensor))
    return model


def random_conv(after: str = "", signed: bool = False, seed: int = 0) -> onnx.ModelProto:
    random = np.random.default_rng(seed)
    return qdq_conv(
        weight=random.integers(-127, 128, (20, 3, 3, 3)).astype(np.int8),
        weight_scale=random.uniform(0.001, 0.01, 20).astype(np.float32),
        bias=random.standard_normal(20).astype(np.float32),
        after=after,
        signed=signed,
    )


CLIP = "lo = Constant <value_float = -0.5> ()  hi = Constant <value_float = 2.0> ()  r = Clip(c, lo, hi)"


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "after",
    [
        "",
        "r = Relu(c)",
        "lo = Constant <value_float = -0.5> ()  hi = Constant <value_float = 2.0> ()  r = Clip(c, lo, hi)",
    ],
)
def test_float_bias_and_clamps_fold_exactly(after: str, signed: bool) -> None:
    model = random_conv(after, signed)
    graph = compile_model(model)
    assert ops(graph) == ["quantize", "conv", "dequantize"]
    feed = random_feed(graph)
    got = engine_outputs(graph, feed)[0]
    assert (got == oracle.run(graph, feed)["y"]).all(), "the engine is exact"
    np.testing.assert_allclose(got, onnxruntime_outputs(model, feed)[0], atol=0.0501, rtol=0)  # one step
    assert (got == onnxruntime_outputs(model, feed)[0]).mean() > 0.99


def test_an_activation_that_is_no_clamp_stays_in_float() -> None:
    graph = check(random_conv("r = HardSwish(c)"), atol=0.02)
    assert ops(graph) == ["quantize", "conv", "quantize", "dequantize"]
    assert graph.nodes[1].attributes["activation"] == "hard_swish"
    assert graph.values[graph.nodes[1].output].dtype == "float32"


def test_a_row_without_weights_keeps_its_bias() -> None:
    random = np.random.default_rng(0)
    weight = random.integers(-127, 128, (20, 3, 3, 3)).astype(np.int8)
    scale = np.full(20, 0.002, np.float32)
    weight[4], scale[4] = 0, 1e-12  # its bias in units of s_x s_w would overflow int32
    model = qdq_conv(weight=weight, weight_scale=scale, bias=np.linspace(-3, 3, 20).astype(np.float32))
    graph = compile_model(model)
    assert graph.values[graph.nodes[1].output].quantised
    feed = random_feed(graph)
    expected = np.rint(np.float32(np.linspace(-3, 3, 20)[4]) / 0.05) * 0.05
    np.testing.assert_allclose(engine_outputs(graph, feed)[0][:, 4], expected, atol=1e-4)


def test_a_row_that_could_overflow_stays_in_float() -> None:
    weight = np.ones((20, 3, 3, 3), np.int8)
    scale = np.full(20, 1e-12, np.float32)
    model = qdq_conv(weight=weight, weight_scale=scale, bias=np.ones(20, np.float32))
    graph = check(model, atol=0.02, optimise=False)
    assert graph.tensor(next(node for node in graph.nodes if node.op == "conv"), "values").dtype == np.float32


def matmul_model(
    weight: onnx.TensorProto, scale: np.ndarray, axis: int, block: int = 0, opset: int = 21
) -> onnx.ModelProto:
    attributes = {"axis": axis} | ({"block_size": block} if block else {})
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["dw"], **attributes),
        helper.make_node("MatMul", ["x", "dw"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", weight.dims[0]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", weight.dims[1]])
    graph = helper.make_graph(nodes, "m", [x], [y], [weight, numpy_helper.from_array(scale, "s")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.INT4, TensorProto.UINT4])
def test_weight_only_quantisation_becomes_float(kind: int) -> None:
    random = np.random.default_rng(0)
    low, high = {TensorProto.INT8: (-128, 128), TensorProto.INT4: (-8, 8), TensorProto.UINT4: (0, 16)}[kind]
    weight = helper.make_tensor("w", kind, [8, 6], random.integers(low, high, 48).tolist())
    graph = check(matmul_model(weight, random.uniform(0.1, 0.2, 6).astype(np.float32), axis=1), optimise=False)
    assert ops(graph) == ["linear"] and graph.tensor(graph.nodes[0], "values").dtype == np.float32


def test_blockwise_weights_become_float() -> None:
    random = np.random.default_rng(0)
    weight = helper.make_tensor("w", TensorProto.INT4, [8, 6], random.integers(-8, 8, 48).tolist())
    check(matmul_model(weight, random.uniform(0.1, 0.2, (2, 6)).astype(np.float32), axis=0, block=4), optimise=False)


def int4_linear(weights_first: bool) -> onnx.ModelProto:
    """Q → DQ → Gemm(DQ(int4 weight)) → Q → DQ; the weight transposed by a node, as exporters do."""
    random = np.random.default_rng(1)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "sx", "zx"], ["qx"]),
        helper.make_node("DequantizeLinear", ["qx", "sx", "zx"], ["dx"]),
        helper.make_node("DequantizeLinear", ["w", "s"], ["dw"], axis=0),
        *(
            [helper.make_node("Transpose", ["dw"], ["t"], perm=[1, 0]), helper.make_node("MatMul", ["dx", "t"], ["m"])]
            if weights_first
            else [helper.make_node("Gemm", ["dx", "dw"], ["m"], transB=1)]
        ),
        helper.make_node("Add", ["m", "b"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "sy", "zx"], ["qy"]),
        helper.make_node("DequantizeLinear", ["qy", "sy", "zx"], ["y"]),
    ]
    constants = {"sx": np.float32(0.03), "sy": np.float32(0.05), "zx": np.uint8(128)}
    constants |= {
        "s": random.uniform(0.05, 0.1, 20).astype(np.float32),
        "b": random.standard_normal(20).astype(np.float32),
    }
    weight = helper.make_tensor("w", TensorProto.INT4, [20, 24], random.integers(-8, 8, 480).tolist())
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 24])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 20])
    graph = helper.make_graph(
        nodes, "m", [x], [y], [weight, *(numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items())]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("weights_first", [False, True])
def test_int4_weights_with_int8_activations(weights_first: bool) -> None:
    graph = check(int4_linear(weights_first), atol=0.01)
    assert ops(graph) == ["quantize", "linear", "dequantize"]
    assert graph.nodes[1].attributes["format"] == "block16x4"
    assert value_bits(graph.tensor(graph.nodes[1], "values")) == 4


def narrow_layers(kind: int, bits: int) -> onnx.ModelProto:
    """int8 activations into a dense Conv and a Gemm whose weights are of this type, each of all its integers."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "sx", "zx"], ["qx"]),
        helper.make_node("DequantizeLinear", ["qx", "sx", "zx"], ["dx"]),
        helper.make_node("DequantizeLinear", ["c", "s"], ["dc"], axis=0),
        helper.make_node("Conv", ["dx", "dc"], ["m"], pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["m", "sy", "zx"], ["qm"]),
        helper.make_node("DequantizeLinear", ["qm", "sy", "zx"], ["dm"]),
        helper.make_node("Flatten", ["dm"], ["f"]),
        helper.make_node("DequantizeLinear", ["w", "s"], ["dw"], axis=0),
        helper.make_node("Gemm", ["f", "dw"], ["y"], transB=1),
    ]
    random = np.random.default_rng(1)
    shapes = {"c": (64, 32, 3, 3), "w": (64, 1024)}
    weights = [
        helper.make_tensor(name, kind, shape, random.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape).ravel())
        for name, shape in shapes.items()
    ]
    scales = {"sx": np.float32(0.03), "sy": np.float32(0.2), "zx": np.uint8(128), "s": np.full(64, 0.01, np.float32)}
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 32, 4, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 64])
    constants = [numpy_helper.from_array(np.asarray(array), name) for name, array in scales.items()]
    graph = helper.make_graph(nodes, "narrow", [x], [y], [*weights, *constants])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=13)


def test_the_file_shrinks_with_the_bits() -> None:
    kinds = {8: TensorProto.INT8, 4: TensorProto.INT4, 2: TensorProto.INT2}
    sizes = {}
    for bits, kind in kinds.items():
        graph = check(narrow_layers(kind, bits), atol=0.02, optimise=False)
        values = [graph.tensor(node, "values") for node in graph.nodes if "values" in node.tensors]
        assert [value_bits(array) for array in values] == [bits, bits]
        sizes[bits] = len(to_bytes(graph))
    weights = 64 * 32 * 9 + 64 * 1024
    assert sizes[8] - sizes[4] == pytest.approx(weights / 2, abs=8192)  # the payload starts at a page
    assert sizes[4] - sizes[2] == pytest.approx(weights / 4, abs=8192)


BYTES = "<float s = {0.05}, uint8 z = {120}, float t = {0.093}, uint8 u = {30}>"


def around(body: str, io: str = "(float[N,4,6] x) => (float[A,B,C] y)") -> onnx.ModelProto:
    """Q → DQ → body (d → r) → Q → DQ."""
    return text_model(
        f"m {io} {BYTES} {{ q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)  {body}"
        "  o = QuantizeLinear(r, t, u)  y = DequantizeLinear(o, t, u) }"
    )


ELEMENTWISE = {
    "unary": ("r = Sigmoid(d)", ["quantize", "unary", "dequantize"]),
    "add": ("r = Add(d, d)", ["quantize", "binary", "dequantize"]),
    "add and relu": ("a = Add(d, d)  r = Relu(a)", ["quantize", "binary", "dequantize"]),
    "mean": ("r = ReduceMean <axes = [2]> (d)", ["quantize", "reduce", "dequantize"]),
    "softmax": ("r = Softmax(d)", ["quantize", "softmax", "dequantize"]),
    "concat": ("r = Concat <axis = 1> (d, d)", ["quantize", "concat", "dequantize"]),
    "average": ("r = AveragePool <kernel_shape = [3]> (d)", ["quantize", "avg_pool", "dequantize"]),
    "float between": (
        "a = Sigmoid(d)  r = Exp(a)",
        ["quantize", "dequantize", "unary", "unary", "quantize", "dequantize"],
    ),
}


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_elementwise_operations_on_bytes(name: str) -> None:
    body, expected = ELEMENTWISE[name]
    model = around(body)
    graph = compile_model(model)
    assert ops(graph) == expected
    feed = random_feed(graph)
    got, want = engine_outputs(graph, feed)[0], onnxruntime_outputs(model, feed, optimise=False)[0]
    np.testing.assert_allclose(got, want, atol=0.0931, rtol=0)  # one step of t
    assert (got == oracle.run(graph, feed)["y"]).mean() > 0.999
    assert (got == want).mean() > 0.98


BYTE_ENDS = {
    "uint8 both": ("uint8", "uint8 z = {120}"),
    "int8 both": ("int8", "int8 z = {-8}"),
}


@pytest.mark.parametrize("name", sorted(BYTE_ENDS))
def test_inputs_and_outputs_of_bytes(name: str) -> None:
    dtype, zero = BYTE_ENDS[name]
    model = text_model(
        f"m ({dtype}[N,4] q) => ({dtype}[N,4] o) <float s = {{0.05}}, {zero}>"
        " { d = DequantizeLinear(q, s, z)  r = Relu(d)  o = QuantizeLinear(r, s, z) }"
    )
    feed = {
        "q": np.arange(-128 if dtype == "int8" else 0, 128 if dtype == "int8" else 256).reshape(-1, 4).astype(dtype)
    }
    graph = check(model, feed, atol=0)
    assert graph.values["q"].dtype == dtype and graph.values["o"].dtype == dtype


def test_narrow_activations_are_clipped_bytes() -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 6])
    zero = helper.make_tensor("z", TensorProto.INT4, [], [-3])
    graph = helper.make_graph(nodes, "m", [x], [y], [numpy_helper.from_array(np.float32(0.2).reshape(()), "s"), zero])
    check(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), atol=1e-6)


def test_asymmetric_weights_beyond_int8_stay_float() -> None:
    model = random_conv()
    node = next(node for node in model.graph.node if "dw" in node.output)
    node.input.append("zw")
    model.graph.initializer.append(numpy_helper.from_array(np.full(20, -100, np.int8), "zw"))
    graph = compile_model(model)
    assert graph.tensor(next(node for node in graph.nodes if node.op == "conv"), "values").dtype == np.float32


def table_model(rows: int, scales: int, axis: int = 0) -> onnx.ModelProto:
    """Rows of an int8 table behind DequantizeLinear, with a scale for all or one for each place of `axis`."""
    rng = np.random.default_rng(0)
    tensors = {
        "levels": rng.integers(-127, 128, (rows, 32)).astype(np.int8),
        "scale": rng.uniform(0.01, 0.1, scales).astype(np.float32).reshape([scales] if scales > 1 else []),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["levels", "scale"], ["table"], axis=axis),
        helper.make_node("Gather", ["table", "tokens"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "table",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, [2, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 5, 32])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize(
    ("rows", "scales", "axis", "bytes_"), [(4096, 4096, 0, 1), (4096, 1, 0, 1), (4096, 32, 1, 1), (64, 64, 0, 4)]
)
def test_a_large_table_of_embeddings_stays_in_bytes(rows: int, scales: int, axis: int, bytes_: int) -> None:
    model = table_model(rows, scales, axis)
    feed = {"tokens": np.random.default_rng(1).integers(-rows, rows, (2, 5))}
    graph = compile_model(model)
    assert max(array.nbytes for array in graph.tensors.values()) == rows * 32 * bytes_
    assert np.array_equal(engine_outputs(graph, feed)[0], onnxruntime_outputs(model, feed)[0])
