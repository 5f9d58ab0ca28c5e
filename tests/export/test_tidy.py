import numpy as np
import onnx
import onnx.reference
from onnx import TensorProto, helper, numpy_helper

from apus.export import tidy


def graph(nodes, initializers, rank=4):
    shape = ["batch", 4, 5, 5][:rank]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b", "c", "d"])
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in initializers.items()]
    return helper.make_model(helper.make_graph(nodes, "g", [x], [y], constants))


def test_a_mean_over_all_space_is_a_pool():
    node = helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=1)
    model = graph([node], {"axes": np.array([-1, 2])})
    assert tidy.pool_globally(model) == 1
    assert model.graph.node[0].op_type == "GlobalAveragePool"
    assert list(model.graph.node[0].input) == ["x"]
    assert not model.graph.initializer
    onnx.checker.check_model(model)


def test_a_mean_without_its_axes_is_a_flat_pool():
    model = graph([helper.make_node("ReduceMean", ["x", "a"], ["y"], keepdims=0)], {"a": np.array([2, 3])})
    assert tidy.pool_globally(model) == 1
    assert [node.op_type for node in model.graph.node] == ["GlobalAveragePool", "Reshape"]
    x = np.random.default_rng(0).random((2, 4, 5, 5), "f4")
    (y,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
    assert np.allclose(y, x.mean((2, 3)))


def test_another_mean_stays():
    for axes, keep in (([1], 1), ([2], 1), ([1, 2, 3], 0)):
        model = graph([helper.make_node("ReduceMean", ["x", "a"], ["y"], keepdims=keep)], {"a": np.array(axes)})
        assert tidy.pool_globally(model) == 0
        assert model.graph.node[0].op_type == "ReduceMean"


def test_biases_count_in_accumulator_units():
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "sx", "zx"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "sx", "zx"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["f"], axis=0),
        helper.make_node("Conv", ["d", "f", "b"], ["y"], name="conv"),
    ]
    constants = {
        "sx": np.float32(0.5),
        "zx": np.uint8(0),
        "w": np.ones((2, 4, 1, 1), np.int8),
        "sw": np.array([0.25, 2], np.float32),
        "zw": np.zeros(2, np.int8),
        "b": np.array([1.0, -3.4], np.float32),
    }
    model = graph(nodes, constants)
    assert tidy.quantise_biases(model) == 1
    kept = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    assert kept["b.conv.levels"].tolist() == [8, -3]
    assert kept["b.conv.scale"].tolist() == [0.125, 1.0]
    assert "b" not in kept
    onnx.checker.check_model(model, full_check=True)


def product_plus(bias, kind=np.int8):
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "sx", "zx"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "sx", "zx"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["f"], axis=0),
        helper.make_node("Transpose", ["f"], ["t"]),
        helper.make_node("MatMul", ["d", "t"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["y"], name="add"),
    ]
    constants = {
        "sx": np.float32(0.5),
        "zx": np.uint8(0),
        "w": np.ones((2, 5), kind),
        "sw": np.array([0.25, 2], np.float32),
        "zw": np.zeros(2, kind),
        "b": np.asarray(bias, np.float32),
    }
    return graph(nodes, constants)


def test_a_bias_added_to_an_integer_product_counts_in_accumulator_units():
    model = product_plus([1.07, -3.4])
    assert tidy.round_biases(model) == 1
    kept = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    assert kept["b.add"].tolist() == [1.125, -3.0]
    assert "b" not in kept
    onnx.checker.check_model(model, full_check=True)


def test_a_bias_of_another_product_stays():
    for model in (product_plus(np.zeros((5, 2))), product_plus([1.07, -3.4], np.int16)):
        assert tidy.round_biases(model) == 0
        assert "b" in {t.name for t in model.graph.initializer}


def test_a_float_layer_keeps_its_bias():
    model = graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"])], {"w": np.ones((2, 4, 1, 1), "f4"), "b": np.ones(2, "f4")}
    )
    assert tidy.quantise_biases(model) == 0


def test_provenance_goes():
    model = graph([helper.make_node("Relu", ["x"], ["y"], doc_string="/home/somebody")], {})
    helper.set_model_props(model, {"a": "b"})
    model.graph.node[0].metadata_props.add(key="trace", value="/home/somebody")
    tidy.strip_provenance(model)
    assert b"somebody" not in model.SerializeToString()
