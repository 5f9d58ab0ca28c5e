"""Quantising after training: standard QDQ that both engines fuse, close to the float model, and clear refusals."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

import apus
from apus.compile import compile_model
from apus.compile.post_training import Settings, quantize
from apus.errors import CompileError, DataError, NothingMatchedError, RecipeError, RunError


def run(model: onnx.ModelProto | Path, images: np.ndarray) -> np.ndarray:
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"]).run(None, {"image": images})[0]


def error(model: onnx.ModelProto | Path, convnet: Path, images: np.ndarray) -> float:
    wanted = run(convnet, images)
    return float(np.abs(run(model, images) - wanted).mean() / np.abs(wanted).mean())


@pytest.fixture(scope="module")
def quantised(convnet: Path, images: np.ndarray) -> onnx.ModelProto:
    return quantize(convnet, images)


def test_the_result_is_standard_and_close(quantised: onnx.ModelProto, convnet: Path, images: np.ndarray) -> None:
    onnx.checker.check_model(quantised, full_check=True)
    assert {node.domain for node in quantised.graph.node} == {""}
    assert error(quantised, convnet, images) < 0.03
    names = Counter(node.op_type for node in quantised.graph.node)
    assert names["BatchNormalization"] == 0 and names["Conv"] == 2
    used = {name for node in quantised.graph.node for name in node.input}
    assert {tensor.name for tensor in quantised.graph.initializer} <= used


def test_weights_are_per_channel_int8_and_biases_int32(quantised: onnx.ModelProto) -> None:
    tensors = {t.name: numpy_helper.to_array(t) for t in quantised.graph.initializer}
    producers = {node.output[0]: node for node in quantised.graph.node}
    convs = [node for node in quantised.graph.node if node.op_type == "Conv"]
    for conv in convs:
        weight, bias = (producers[conv.input[place]] for place in (1, 2))
        assert tensors[weight.input[0]].dtype == np.int8 and tensors[weight.input[1]].shape == (16,)
        assert np.abs(tensors[weight.input[0]].astype(int)).max() <= 127 and not tensors[weight.input[2]].any()
        assert tensors[bias.input[0]].dtype == np.int32
        source = tensors[producers[conv.input[0]].input[1]]
        np.testing.assert_allclose(tensors[bias.input[1]], source * tensors[weight.input[1]], rtol=1e-6)


def test_both_engines_fuse_it(quantised: onnx.ModelProto, tmp_path: Path, images: np.ndarray) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(quantised.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)
    assert names["QLinearConv"] == 2 and names["Conv"] == 0
    graph = compile_model(quantised)
    assert sum("multiplier" in node.tensors for node in graph.nodes) == 3
    ours = apus.Session(quantised, threads=1).run(None, {"image": images})[0]
    np.testing.assert_allclose(ours, run(quantised, images), atol=0.02 * np.abs(ours).max())


def test_no_worse_than_onnxruntimes_own(convnet: Path, images: np.ndarray, tmp_path: Path) -> None:
    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.batches = iter([{"image": images}])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.batches, None)

    theirs = tmp_path / "theirs.onnx"
    quantize_static(
        convnet, theirs, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    fresh = np.random.default_rng(5).standard_normal((256, 1, 12, 12)).astype(np.float32)
    assert error(quantize(convnet, images), convnet, fresh) <= error(theirs, convnet, fresh)


@pytest.mark.parametrize("method", ["minmax", "percentile", "mse"])
def test_every_method_and_bias_correction(method: str, convnet: Path, images: np.ndarray) -> None:
    plain = quantize(convnet, images, ranges=method, percentile=99.9, bias_correction=False)
    corrected = quantize(convnet, images, ranges=method, percentile=99.9)
    wanted = run(convnet, images).mean(axis=0)
    shifts = [np.abs(run(model, images).mean(axis=0) - wanted).max() for model in (plain, corrected)]
    assert shifts[1] < shifts[0]
    assert max(error(model, convnet, images) for model in (plain, corrected)) < 0.05


def test_our_engine_alone_calibrates_the_same(
    convnet: Path, images: np.ndarray, quantised: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apus.compile.post_training.calibration.util.find_spec", lambda name: None)
    alone = quantize(convnet, images)
    np.testing.assert_allclose(run(alone, images), run(quantised, images), atol=0.05)


def test_every_form_of_calibration(
    convnet: Path, images: np.ndarray, tmp_path: Path, quantised: onnx.ModelProto
) -> None:
    np.savez(tmp_path / "data.npz", image=images, label=np.zeros(32))
    loader = [(images[:16], np.zeros(16)), (images[16:], np.zeros(16))]
    for form in (tmp_path / "data.npz", str(tmp_path / "data.npz"), {"image": images}, [{"image": images}]):
        assert quantize(convnet, form).SerializeToString() == quantised.SerializeToString()
    assert error(quantize(convnet, loader), convnet, images) < 0.03


def test_excluded_nodes_stay_in_float(convnet: Path, images: np.ndarray) -> None:
    graph = compile_model(quantize(convnet, images, exclude=("he*",)))
    (head,) = [node for node in graph.nodes if node.op == "linear"]
    assert "multiplier" not in head.tensors
    with pytest.raises(NothingMatchedError, match=r"pattern '/tail/\*' matches no node.*layers are stem, body, head"):
        quantize(convnet, images, exclude=("/tail/*",))
    with pytest.raises(NothingMatchedError, match="no Conv, Gemm or MatMul"):
        quantize(convnet, images, exclude=("*",))


def test_wrong_calibration_is_refused(convnet: Path, images: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    for data, kind, message in (
        ({"imag": images}, RunError, "no input 'imag'; did you mean 'image'"),
        ({"image": images[..., :11]}, DataError, r"shape \[32, 1, 12, 11\], the model takes \['batch', 1, 12, 12\]"),
        ({"image": images.astype(np.float64)}, DataError, "is float64, the model takes float32"),
        ({"image": images[:0]}, DataError, "holds no sample"),
        ([], DataError, "holds no sample"),
        (tmp_path / "broken.npz", DataError, r"broken\.npz is not an \.npz archive"),
    ):
        with pytest.raises(kind, match=message):
            quantize(convnet, data)
    with pytest.raises(FileNotFoundError, match=r"did you mean .*broken\.npz"):
        quantize(convnet, tmp_path / "brokn.npz")


def test_wrong_models_and_settings_are_refused(quantised: onnx.ModelProto, images: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="holds QuantizeLinear already"):
        quantize(quantised, images)
    (tmp_path / "text.onnx").write_text("hello there")
    with pytest.raises(CompileError, match=r"text\.onnx is not an ONNX model"):
        quantize(tmp_path / "text.onnx", images)
    for wrong, message in (({"ranges": "max"}, "minmax, percentile, mse"), ({"percentile": 10.0}, "more than 50")):
        with pytest.raises(RecipeError, match=message):
            Settings(**wrong)


def test_gemm_with_factors_and_shared_branches(tmp_path: Path) -> None:
    """alpha, beta, a scalar C, a concat of branches, and a graph output in the middle."""
    draw = np.random.default_rng(2)
    weights = [("w", (8, 6)), ("v", (5, 8)), ("c", (1,))]
    tensors = [numpy_helper.from_array(draw.standard_normal(s).astype(np.float32), n) for n, s in weights]
    nodes = [
        helper.make_node("Gemm", ["x", "w", "c"], ["a"], transB=1, alpha=0.5, beta=2.0),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Sigmoid", ["a"], ["s"]),
        helper.make_node("Mul", ["r", "s"], ["m"]),
        helper.make_node("Gemm", ["m", "v"], ["y"], transB=1),
    ]
    value = helper.make_tensor_value_info
    outputs = [value("y", 1, ["n", 5]), value("m", 1, ["n", 8])]
    graph = helper.make_graph(nodes, "g", [value("x", 1, ["n", 6])], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    x = draw.standard_normal((200, 6)).astype(np.float32)
    result = quantize(model, x, tmp_path / "g.onnx")
    assert [output.name for output in result.graph.output] == ["y", "m"]
    sessions = [
        onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]) for m in (model, result)
    ]
    for a, b in zip(*(s.run(None, {"x": x}) for s in sessions), strict=True):
        assert np.abs(a - b).mean() < 0.02 * np.abs(a).mean() + 0.01


def test_an_empty_file_is_no_model(tmp_path):
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(CompileError, match="imports no operator set"):
        quantize(tmp_path / "empty.onnx", {"x": np.zeros((1, 1), np.float32)})
