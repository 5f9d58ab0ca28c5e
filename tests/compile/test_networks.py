"""Whole models: exporters' graphs, every pass switched off in turn, dynamic batches, sparse weights."""

import networks
import onnx
import pytest
from agreement import check, ops, random_feed, text_model

from apus.artifact import read, to_bytes
from apus.compile import PASSES, compile_model


@pytest.mark.parametrize("name", sorted(networks.NETWORKS))
def test_exported_networks_agree_at_any_batch(name: str, exported: dict) -> None:
    model, feed = exported[name]
    graph = check(model, feed)
    assert isinstance(graph.values["x"].shape[0], str), "the batch stays symbolic"
    check(model, random_feed(graph, batch=7))


@pytest.mark.parametrize("name", sorted(networks.NETWORKS))
def test_fixed_shapes_compile_too(name: str, exported: dict) -> None:
    model, feed = exported[name]
    graph = check(model, feed, shapes={"x": list(feed["x"].shape)})
    assert all(isinstance(d, int) for value in graph.values.values() for d in value.shape)


@pytest.mark.parametrize("off", sorted(PASSES))
@pytest.mark.parametrize("name", ["cnn", "attention"])
def test_each_pass_keeps_the_meaning(name: str, off: str, exported: dict) -> None:
    model, feed = exported[name]
    check(model, feed, passes=[step for step in PASSES if step != off])


def test_no_pass_at_all_is_right_but_longer(exported: dict) -> None:
    model, feed = exported["cnn"]
    assert len(check(model, feed, passes=[]).nodes) > len(check(model, feed).nodes)


def test_a_cnn_becomes_few_nodes(exported: dict) -> None:
    graph = compile_model(exported["cnn"][0])
    assert ops(graph) == ["conv", "conv", "conv", "conv", "binary", "max_pool", "reduce", "unary", "linear"]
    activations = [node.attributes.get("activation") for node in graph.nodes[:5]]
    assert activations == ["relu", "hard_swish", "silu", None, "clip"]
    assert graph.nodes[3].attributes["pads"] == [1, 1, 1, 1], "the explicit pad is folded"


def test_compiling_twice_gives_the_same_bytes(exported: dict) -> None:
    for model, _ in exported.values():
        data = to_bytes(compile_model(model))
        assert data == to_bytes(compile_model(model)) == to_bytes(read(data))


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
def test_sparse_blocks_are_found(density: float) -> None:
    weight = networks.sparse_16x1(40, 30, density)
    model = text_model("m (float[N,30] x, float[40,30] w) => (float[A,B] y) { y = Gemm <transB = 1> (x, w) }")
    del model.graph.input[1]
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    graph = check(model)
    blocks = graph.tensor(graph.nodes[0], "values").shape[0]
    assert blocks == sum(weight[i : i + 16].any(axis=0).sum() for i in range(0, 40, 16))


def test_value_names_are_those_of_the_model(exported: dict) -> None:
    model, _ = exported["mlp"]
    graph = compile_model(model)
    assert graph.inputs == [entry.name for entry in model.graph.input]
    assert graph.outputs == [entry.name for entry in model.graph.output]


def test_functions_are_inlined() -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["": 17, "local": 1]> m (float[N,4] x) => (float[N,4] y) { y = local.Twice(x) }'
        '<domain: "local", opset_import: ["": 17]> Twice (a) => (b) { c = Add(a, a)  b = Relu(c) }'
    )
    assert ops(check(model)) == ["binary"]


REPEATED = {
    "output twice": "m (float[N,4] x) => (float[N,4] y, float[N,4] z) { y = Relu(x)  z = Identity(y) }",
    "output is input": "m (float[N,4] x) => (float[N,4] y, float[N,4] x) { y = Relu(x) }",
    "intermediate is output": "m (float[N,4] x) => (float[N,4] y, float[N,4] z) { y = Neg(x)  z = Relu(y) }",
    "reshape to itself": "m (float[N,4] x) => (float[N,4] y) <int64[2] s = {0, 4}> { y = Reshape(x, s) }",
}


@pytest.mark.parametrize("name", sorted(REPEATED))
def test_outputs_that_are_shared(name: str) -> None:
    check(text_model(REPEATED[name], 16))
