"""The package itself: what it exports, and that importing it costs nothing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import apus

PUBLIC = {
    "ExecutionMode", "GraphOptimizationLevel", "InferenceSession", "NodeArg", "OrtValue", "RunOptions", "Session",
    "SessionOptions", "__version__", "compile", "compress", "diagnose", "echo", "errors", "get_all_providers",
    "get_available_providers", "get_device", "isa", "isas", "quantize", "set_default_logger_severity",
}  # fmt: skip


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_the_public_names_are_these() -> None:
    assert set(apus.__all__) == PUBLIC
    assert all(getattr(apus, name) is not None for name in PUBLIC)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Sesion'"):
        _ = apus.Sesion


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert apus.__version__ == project["version"]


def test_importing_leaves_everything_else_unimported() -> None:
    heavy = "{'torch', 'onnx', 'onnx_ir', 'scipy', 'numpy', 'rich'}"
    assert fresh(f"import sys, apus; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_running_a_file_needs_numpy_alone(convnet_apus: Path) -> None:
    heavy = "{'torch', 'onnx', 'onnx_ir', 'scipy', 'rich', 'onnxruntime'}"
    code = f"import sys, apus; apus.Session({str(convnet_apus)!r}); print(sorted({heavy} & set(sys.modules)))"
    assert fresh(code) == "[]"


def test_importing_takes_less_than_150_ms() -> None:
    code = "import time; t = time.perf_counter(); import apus; print(time.perf_counter() - t)"
    assert min(float(fresh(code)) for _ in range(5)) < 0.150


def test_another_engine_may_be_imported_after_a_session(convnet_apus: Path) -> None:
    pytest.importorskip("onnxruntime")
    assert fresh(f"import apus; apus.Session({str(convnet_apus)!r}); import onnxruntime; print('alive')") == "alive"


@pytest.mark.parametrize("verb", ["compile", "compress"])
def test_a_verb_is_also_a_package(verb: str) -> None:
    assert callable(getattr(apus, verb))
    assert getattr(apus, verb).__name__ == f"apus.{verb}"
