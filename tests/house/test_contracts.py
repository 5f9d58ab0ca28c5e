"""`lint-imports` passes on the house as it stands, and fails on a violation of each contract."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLANTED = [
    ("artifact/__init__.py", "import apus.compile"),
    ("runtime/__init__.py", "import onnx"),
    ("compile/__init__.py", "import torch"),
    ("training/__init__.py", "import apus.export"),
    ("serve/__init__.py", "import apus.bench"),
    ("models/__init__.py", "import apus.training"),
    ("techniques/distill/__init__.py", "import apus.techniques.sparsity"),
]


# An editable install finds `apus` by a hook of its own, ahead of sys.path; without the hook the copy is what is linted.
LINT = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
sys.meta_path = [BuiltinImporter, FrozenImporter, PathFinder]
sys.path.insert(0, "src")
from importlinter import cli
cli.lint_imports_command(["--no-cache"])
"""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the copy of the package in `folder`."""
    return subprocess.run([sys.executable, "-P", "-c", LINT], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what import-linter reads."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return tmp_path


def test_the_house_keeps_its_contracts(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("file", "line"), PLANTED)
def test_a_planted_violation_is_caught(copy: Path, file: str, line: str) -> None:
    path = copy / "src/apus" / file
    path.write_text(f"{path.read_text() if path.exists() else ''}\n{line}\n")
    result = lint(copy)
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout


@pytest.mark.parametrize("line", ["import apus._native", "from apus import _native", "from apus._native import Model"])
def test_only_runtime_and_artifact_touch_the_extension(copy: Path, line: str) -> None:
    for folder, code in (("bench", 1), ("runtime", 0)):
        (copy / f"src/apus/{folder}/planted.py").write_text(f"{line}\n")
        command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", f"src/apus/{folder}"]
        assert subprocess.run(command, cwd=copy, check=False, capture_output=True).returncode == code
