"""Small networks that tests of several parts share, and the same random numbers in every run."""

import random
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A test that draws without a seed of its own passes always or never."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - what else seeds code that draws from it
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def convnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file: conv, batch normalisation, ReLU, a residual, max pool, mean, matrix product, logits."""
    path = tmp_path_factory.mktemp("models") / "convnet.onnx"
    onnx.save(make_convnet(), path)
    return path


def make_convnet() -> onnx.ModelProto:
    """Input `image` [batch, 1, 12, 12], output `logits` [batch, 10]; weights from a fixed seed."""
    draw = np.random.default_rng(0)

    def constant(name: str, *shape: int, low: float | None = None) -> onnx.TensorProto:
        scale = 1 / np.sqrt(np.prod(shape[1:]) or 1)
        array = draw.standard_normal(shape) * scale if low is None else draw.uniform(low, low + 1, shape)
        return numpy_helper.from_array(array.astype(np.float32), name)

    norm = [
        constant("gamma", 16, low=0.5),
        constant("beta", 16),
        constant("mean", 16),
        constant("variance", 16, low=0.5),
    ]
    weights = [constant("w1", 16, 1, 3, 3), constant("w2", 16, 16, 3, 3), constant("b2", 16), constant("w3", 16, 10)]
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], name="stem", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c1", "gamma", "beta", "mean", "variance"], ["n1"], name="norm"),
        helper.make_node("Relu", ["n1"], ["r1"], name="relu1"),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], name="body", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["r1", "c2"], ["a2"], name="residual"),
        helper.make_node("Relu", ["a2"], ["r2"], name="relu2"),
        helper.make_node("MaxPool", ["r2"], ["p2"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["p2"], ["g"], name="mean"),
        helper.make_node("Flatten", ["g"], ["f"], name="flat"),
        helper.make_node("MatMul", ["f", "w3"], ["m"], name="head"),
        helper.make_node("Add", ["m", "b3"], ["logits"], name="head_bias"),
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", 1, 12, 12])
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "convnet", [image], [logits], [*norm, *weights, constant("b3", 10)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


@pytest.fixture(scope="session")
def convnet_apus(convnet: Path) -> Path:
    """The same network as an `.apus` file."""
    import apus

    path = convnet.with_suffix(".apus")
    path.write_bytes(apus.compile.to_bytes(convnet))
    return path


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """32 inputs of `convnet`."""
    return np.random.default_rng(1).standard_normal((32, 1, 12, 12)).astype(np.float32)
