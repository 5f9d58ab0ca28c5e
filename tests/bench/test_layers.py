"""A network layer by layer."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from apus.bench.layers import layers
from apus.compile import to_bytes


@pytest.fixture(scope="module")
def sparse(convnet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network with three quarters of the body's blocks away."""
    model = onnx.load(convnet)
    (weight,) = [tensor for tensor in model.graph.initializer if tensor.name == "w2"]
    array = onnx.numpy_helper.to_array(weight).copy()
    array[:, np.arange(16) % 4 != 0] = 0
    weight.CopyFrom(onnx.numpy_helper.from_array(array, "w2"))
    path = tmp_path_factory.mktemp("sparse") / "sparse.apus"
    path.write_bytes(to_bytes(model))
    return path


def test_every_layer_says_what_it_is(sparse: Path, images: np.ndarray) -> None:
    found = {layer["name"]: layer for layer in layers(sparse, {"image": images[:1]}, runs=3)}
    assert found["body"]["density"] == pytest.approx(0.25)
    assert "75 % of the blocks" in found["body"]["why"]
    assert found["stem"]["density"] == 1.0 and found["stem"]["bits"] == 32
    assert found["stem"]["op"] == "conv 3x3 + relu"
    assert 0.99 < sum(layer["share"] for layer in found.values()) < 1.01
    assert found["pool"]["density"] is None


def test_a_plan_takes_no_time(sparse: Path, images: np.ndarray) -> None:
    assert all("microseconds" not in layer for layer in layers(sparse, {"image": images[:1]}, runs=0))


def test_zeros_that_fill_no_block_are_not_called_skipped(convnet: Path, images: np.ndarray, tmp_path: Path) -> None:
    model = onnx.load(convnet)
    (weight,) = [tensor for tensor in model.graph.initializer if tensor.name == "w2"]
    array = onnx.numpy_helper.to_array(weight).copy()
    array[::4] = 0  # few enough to be stored in blocks
    weight.CopyFrom(onnx.numpy_helper.from_array(array, "w2"))
    (tmp_path / "single.apus").write_bytes(to_bytes(model))
    (body,) = [x for x in layers(tmp_path / "single.apus", {"image": images[:1]}, runs=0) if x["name"] == "body"]
    assert body["density"] == pytest.approx(0.75)
    assert body["why"].startswith("all blocks present")
