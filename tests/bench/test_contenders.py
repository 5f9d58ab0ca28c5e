"""The contenders that benchmarks add: torch's sparse matrices, bfloat16, and DeepSparse behind its pipe."""

import sys
from pathlib import Path

import numpy as np
import pytest

from apus.bench import compare, contender
from apus.errors import RunError

torch = pytest.importorskip("torch")
deepsparse = pytest.importorskip("apus.bench.contenders.deepsparse")

FAKE = """
__version__ = "1.8.0"
class Engine:
    def __init__(self, model, batch_size, num_cores):
        assert num_cores == 1
        self.batch = batch_size
    def run(self, inputs, val_inp=True):
        assert len(inputs[0]) == self.batch
        return [2 * inputs[0]]
"""


@pytest.mark.parametrize("layout", ["csr", "bsr"])
def test_torch_sparse_agrees_with_the_module(layout: str) -> None:
    torch.manual_seed(0)
    linear = torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.ReLU(), torch.nn.Linear(48, 16))
    images = torch.nn.Sequential(torch.nn.Conv2d(16, 32, 1), torch.nn.ReLU())
    for module, shape in ((linear, (3, 32)), (images, (1, 16, 4, 5))):
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        (y,) = contender("torch_sparse", module, layout=layout).load({"x": x}, 1)()
        with torch.inference_mode():
            np.testing.assert_allclose(y, module(torch.from_numpy(x)).numpy(), rtol=1e-4, atol=1e-5)


def test_torch_sparse_has_no_convolution() -> None:
    with pytest.raises(RunError, match="no convolution"):
        contender("torch_sparse", torch.nn.Sequential(torch.nn.Conv2d(16, 16, 3)))


def test_bfloat16_is_torch_in_bfloat16() -> None:
    module = torch.nn.Linear(16, 16)
    x = np.random.default_rng(0).normal(size=(2, 16)).astype(np.float32)
    made = contender("torch", module, precision="bf16")
    (low,), (full,) = (c.load({"x": x}, 1)() for c in (made, contender("torch", module)))
    assert low.dtype == np.float32 and 0 < abs(low - full).max() < 0.05
    assert made.settings()["precision"] == "bf16" and module.weight.dtype == torch.float32


def test_deepsparse_needs_its_own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(deepsparse.PYTHON, raising=False)
    with pytest.raises(RunError, match="APUS_DEEPSPARSE_PYTHON"):
        contender("deepsparse", "model.onnx").load({"x": np.zeros((1, 4), np.float32)}, 1)


def test_deepsparse_is_timed_in_its_own_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deepsparse.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(deepsparse.PYTHON, sys.executable)
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    made = contender("deepsparse", "model.onnx")
    (measured,) = compare([made], {"x": x}, seconds=0.02, rounds=2)
    assert measured.runs >= 2 and measured.settings["version"] == "1.8.0"
    np.testing.assert_array_equal(made.load({"x": x}, 1)()[0], 2 * x)


def test_a_deepsparse_that_dies_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deepsparse.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(deepsparse.PYTHON, sys.executable)
    worker = Path(deepsparse.__file__).with_name("_deepsparse_worker.py")
    assert worker.exists()
    with pytest.raises(RunError, match="status 3"):
        contender("deepsparse", "model.onnx").load({"x": np.zeros((1, 4), np.float32)}, 1)
