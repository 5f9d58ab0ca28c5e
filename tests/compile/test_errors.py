"""Each refusal names file, operator and node, and says what to do."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from agreement import check, text_model

import apus.compile
from apus.compile import compile_model
from apus.errors import CompileError, UnsupportedOperatorError

RELU = "m (float[N,4] x) => (float[N,4] y) { y = Relu(x) }"


def refusal(body: str, opset: int = 17) -> str:
    with pytest.raises(CompileError) as caught:
        compile_model(text_model(body, opset))
    return str(caught.value)


def test_unsupported_operator_names_operator_node_and_fix() -> None:
    model = text_model("m (float[2,3] x) => (int64[A,B] y) { y = NonZero(x) }")
    model.graph.node[0].name = "mask/find"
    with pytest.raises(UnsupportedOperatorError, match=r"NonZero of node 'mask/find'.*Fix:.*docs/operators.md"):
        compile_model(model)


@pytest.mark.parametrize(("typed", "hint"), [("Rellu", "; did you mean Relu"), ("MaxPol", "; did you mean MaxPool")])
def test_an_operator_that_onnx_lacks_offers_close_names(typed: str, hint: str) -> None:
    model = text_model(RELU)
    model.graph.node[0].op_type = typed
    with pytest.raises(UnsupportedOperatorError, match=f"ONNX has no operator {typed}, which node .* is{hint}"):
        compile_model(model)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("m (bfloat16[N,4] x) => (bfloat16[N,4] y) { y = Relu(x) }", "input 'x' is BFLOAT16"),
        ("m (float[N,4,6] x, float[2,4,3] w) => (float[A,B,C] y) { y = Conv(x, w) }", "dimension 'N' is symbolic"),
        ("m (float[N,4] x, int64[2] s) => (float[A,B] y) { y = Reshape(x, s) }", "input 's' must be a constant"),
        (
            "m (float[N,4] x) => (float[A,B] y) <float r = {0.5}, bool t = {1}> { y = Dropout(x, r, t) }",
            "training mode",
        ),
        ("m (float[N,K] x) => (float[A,B] y) <float[2,2] w = {1,2,3,4}> { y = MatMul(x, w) }", "fixed number 2"),
    ],
)
def test_refusals_say_why(body: str, message: str) -> None:
    assert message in refusal(body)


def test_a_missing_file_offers_close_names(tmp_path: Path) -> None:
    onnx.save(text_model(RELU), tmp_path / "student.onnx")
    with pytest.raises(FileNotFoundError, match=r"studnet\.onnx; did you mean .*student\.onnx\?"):
        compile_model(tmp_path / "studnet.onnx")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        compile_model(tmp_path / "nowhere" / "student.onnx")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        compile_model(tmp_path)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    for content in (b"", b"not a model at all", bytes(1000)):
        (tmp_path / "bad.onnx").write_bytes(content)
        with pytest.raises(CompileError, match=r"bad\.onnx: not an ONNX model"):
            compile_model(tmp_path / "bad.onnx")
    with pytest.raises(CompileError, match="<model>: not an ONNX model: it imports no operator set"):
        compile_model(onnx.ModelProto())


def test_wrong_arguments() -> None:
    model = text_model(RELU)
    with pytest.raises(CompileError, match="precision 'int4'"):
        compile_model(model, precision="int4")
    with pytest.raises(CompileError, match="names 'z'; the inputs are x"):
        compile_model(model, shapes={"z": [1]})
    with pytest.raises(CompileError, match="which the model fixes"):
        compile_model(model, shapes={"x": [1, 5]})
    with pytest.raises(CompileError, match="no pass 'magic'"):
        compile_model(model, passes=["magic"])
    with pytest.raises(TypeError, match=r"path or an onnx\.ModelProto"):
        compile_model(3)  # type: ignore[arg-type]
    with pytest.raises(CompileError, match="output= is needed"):
        apus.compile(model)


def test_an_input_without_a_shape_asks_for_one() -> None:
    model = text_model(RELU)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(CompileError, match=r"input 'x' has no shape; give it: shapes="):
        compile_model(model)
    assert compile_model(model, shapes={"x": [2, 4]}).values["x"].shape == [2, 4]


def test_per_channel_activations_are_computed_as_written() -> None:
    model = text_model(
        "m (float[N,2] x) => (float[N,2] y) <float[2] s = {0.1, 0.2}, uint8[2] z = {1, 2}>"
        " { q = QuantizeLinear <axis = 1> (x, s, z)  y = DequantizeLinear <axis = 1> (q, s, z) }"
    )
    assert "quantize" not in [node.op for node in compile_model(model).nodes]
    check(model)


def test_compile_writes_beside_the_model(tmp_path: Path) -> None:
    onnx.save(text_model(RELU), tmp_path / "net.onnx")
    assert apus.compile(tmp_path / "net.onnx") == tmp_path / "net.apus"
    assert apus.compile(str(tmp_path / "net.onnx"), tmp_path / "other.apus").read_bytes()[1:5] == b"APUS"
    assert apus.compile.to_bytes(tmp_path / "net.onnx") == (tmp_path / "net.apus").read_bytes()


def test_external_data_is_found(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32)
    model = text_model("m (float[N,40] x, float[40,40] w) => (float[A,B] y) { y = MatMul(x, w) }")
    del model.graph.input[1]
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(model, tmp_path / "big.onnx", save_as_external_data=True, location="big.data", size_threshold=0)
    assert compile_model(tmp_path / "big.onnx").nodes[0].op == "linear"
