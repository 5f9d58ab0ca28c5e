"""An artifact against its ONNX model: passes, fails, and says by how much."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from apus.bench.verification import check_output, verify
from apus.compile import to_bytes
from apus.compile.post_training import quantize
from apus.errors import VerificationError


def test_a_float_model_is_within_its_bound(convnet: Path, convnet_apus: Path, images: np.ndarray) -> None:
    (check,) = verify(convnet, convnet_apus, {"image": images})
    assert check.passed and check.tolerance == 1e-4 and check.argmax_pct == 100 and check.lsb is None


def test_an_int8_model_has_the_wider_bound(convnet: Path, images: np.ndarray, tmp_path: Path) -> None:
    quantize(convnet, images, tmp_path / "q.onnx")
    (tmp_path / "q.apus").write_bytes(to_bytes(tmp_path / "q.onnx"))
    (check,) = verify(tmp_path / "q.onnx", tmp_path / "q.apus", {"image": images})
    assert check.passed and check.tolerance == 0.05 and check.relative < 0.02


def test_another_network_fails(convnet: Path, convnet_apus: Path, images: np.ndarray, tmp_path: Path) -> None:
    model = onnx.load(convnet)
    (bias,) = [tensor for tensor in model.graph.initializer if tensor.name == "b3"]
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 1, "b3"))
    onnx.save(model, tmp_path / "other.onnx")
    (check,) = verify(tmp_path / "other.onnx", convnet_apus, {"image": images})
    assert not check.passed and check.max_absolute == pytest.approx(1, rel=1e-3)


def test_steps_and_places_are_counted() -> None:
    a, b = np.array([[1.0, 2.5]], np.float32), np.array([[1.0, 2.0]], np.float32)
    check = check_output("y", a, b, tolerance=0.5, step=0.25)
    assert (check.lsb, check.relative, check.max_absolute) == (2.0, 0.25, 0.5)
    assert check.ulp == pytest.approx(0.5 / np.spacing(np.float32(2)))


def test_shapes_and_infinities_must_agree() -> None:
    with pytest.raises(VerificationError, match="shape"):
        check_output("y", np.zeros(2), np.zeros(3), tolerance=1, step=None)
    with pytest.raises(VerificationError, match="not finite"):
        check_output("y", np.array([np.nan]), np.zeros(1), tolerance=1, step=None)
    with pytest.raises(VerificationError, match="holds no number in either run"):
        check_output("y", np.array([np.nan]), np.array([np.nan]), tolerance=1, step=None)
    same = np.array([np.inf, 1.0])
    assert check_output("y", same, same, tolerance=0, step=None).passed
