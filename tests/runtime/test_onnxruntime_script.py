"""A script written for ONNX Runtime runs with only its import changed, and computes the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parent / "scripts" / "classify.py"


def run(script: Path, model: Path, output: Path) -> str:
    command = [sys.executable, script, model, output]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_only_the_import_changes(convnet: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    text = SCRIPT.read_text()
    changed = text.replace("\nimport onnxruntime\n", "\nimport apus as onnxruntime\n")
    differing = [a for a, b in zip(text.splitlines(), changed.splitlines(), strict=True) if a != b]
    assert differing == ["import onnxruntime"]
    (tmp_path / "ours.py").write_text(changed)
    theirs_said = run(SCRIPT, convnet, tmp_path / "theirs.npz")
    ours_said = run(tmp_path / "ours.py", convnet, tmp_path / "ours.npz")
    assert ours_said == theirs_said
    with np.load(tmp_path / "ours.npz") as ours, np.load(tmp_path / "theirs.npz") as theirs:
        assert ours.files == theirs.files
        for name in ours.files:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4, atol=1e-5)
