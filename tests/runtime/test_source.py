"""Where a network comes from is told by content, and said when it is nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

import apus
from apus.errors import ArtifactError, CompileError


def test_bytes_that_are_neither_are_refused() -> None:
    with pytest.raises(CompileError, match=r"neither an \.apus file nor an ONNX model"):
        apus.Session(b"\xff" * 100)
    with pytest.raises(CompileError, match="imports no operator set"):
        apus.Session(b"")


def test_content_goes_before_the_name(convnet_apus: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "model.bin"
    renamed.write_bytes(convnet_apus.read_bytes())
    assert apus.Session(renamed).get_inputs()[0].name == "image"
    wrong = tmp_path / "wrong.apus"
    wrong.write_bytes(b"not an artifact")
    with pytest.raises(ArtifactError):
        apus.Session(wrong)


def test_a_missing_extra_says_the_command(convnet: Path) -> None:
    code = f"import sys; sys.modules['onnx'] = None; import apus; apus.Session({str(convnet)!r})"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "MissingExtraError" in done.stderr and "pip install 'apus-ml[compile]'" in done.stderr
