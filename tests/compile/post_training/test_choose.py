"""What is quantised, and where scales stand (choose), on models made ready (prepare)."""

from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from apus.compile.post_training.choose import choose
from apus.compile.post_training.prepare import prepare
from apus.compile.post_training.weights import as_rows, bias_of, channel_axis, from_rows, weight_of
from apus.errors import CompileError


def test_batch_normalisation_is_folded_exactly(convnet: Path, images: np.ndarray) -> None:
    from apus.compile.post_training.calibration import show

    prepared = prepare(convnet)
    assert "BatchNormalization" not in {node.op_type for node in prepared.graph}
    (got,) = show(prepared, ["logits"])({"image": images})
    import onnxruntime

    wanted = onnxruntime.InferenceSession(convnet.read_bytes()).run(None, {"image": images})[0]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_values_inside_one_kernel_get_no_scale(convnet: Path) -> None:
    choice = choose(prepare(convnet).graph, ())
    assert [node.name for node in choice.layers] == ["stem", "body", "head"]
    names = [value.name for value in choice.values]
    assert names == ["image", "r1", "c2", "r2", "p2", "g", "f"]  # neither before a ReLU, nor the logits


def test_layouts_of_weights_are_alike_as_rows() -> None:
    draw = np.random.default_rng(0)
    arrays = {"w": (6, 4), "c": (8, 2, 3, 3), "t": (4, 6)}
    tensors = [numpy_helper.from_array(draw.standard_normal(s).astype(np.float32), n) for n, s in arrays.items()]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Gemm", ["x", "t"], ["g"], transB=1),
        helper.make_node("Conv", ["i", "c"], ["o"]),
    ]
    value = helper.make_tensor_value_info
    ends = [value("x", 1, ["n", 6]), value("i", 1, ["n", 2, 5, 5])], [value(n, 1, None) for n in ("m", "g", "o")]
    graph = helper.make_graph(nodes, "g", *ends, tensors)
    prepared = prepare(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9))
    layers = choose(prepared.graph, ()).layers
    assert [channel_axis(layer) for layer in layers] == [1, 0, 0]
    for layer, rows in zip(layers, (4, 4, 8), strict=True):
        assert as_rows(layer, weight_of(layer)).shape[0] == rows and bias_of(layer) is None
        again = from_rows(layer, as_rows(layer, weight_of(layer)), weight_of(layer).shape)
        np.testing.assert_array_equal(again, weight_of(layer))


def test_old_opsets_are_raised() -> None:
    value = helper.make_tensor_value_info
    weight = numpy_helper.from_array(np.ones((4, 2), np.float32), "w")
    ends = [value("x", 1, ["n", 4])], [value("y", 1, ["n", 2])]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", *ends, [weight])
    old = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    assert prepare(old).opset_imports[""] >= 13


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(CompileError, match="these bytes are not an ONNX model"):
        prepare(b"\xff\xfe nothing")


def test_a_bias_behind_a_matrix_product_is_found_before_and_after_rewriting(convnet: Path, images: np.ndarray) -> None:
    from apus.compile.post_training.rewrite import layer_scales, write_qdq
    from apus.compile.post_training.settings import Settings
    from apus.compile.post_training.weights import added_bias, is_bias_add

    prepared = prepare(convnet)
    choice = choose(prepared.graph, Settings().exclude)
    head = choice.layers[-1]
    add = added_bias(head)
    assert add is not None and add.name == "head_bias" and is_bias_add(add)
    parameters = dict.fromkeys(choice.values, (np.float32(0.1), np.uint8(3)))
    write_qdq(prepared.graph, choice, parameters, layer_scales(choice, "minmax"))
    assert added_bias(head) is add
