"""`apus diagnose` judges a plain script rightly, and leaves torch, sys and the script's files as they were."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader

from apus.cli import main
from timing import settled

SCRIPT = Path(__file__).parents[1] / "data" / "scripts" / "plain_training.py"


@pytest.mark.parametrize(
    ("example", "step", "workers", "kind"),
    [(5, 5, 0, "INPUT-BOUND"), (10, 5, 2, "INPUT-BOUND"), (0.1, 30, 0, "COMPUTE-BOUND"), (1, 30, 1, "COMPUTE-BOUND")],
)
def test_a_plain_script(
    example: float, step: float, workers: int, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = DataLoader.__iter__, list(sys.argv), list(sys.path)

    def run() -> dict[str, Any]:
        assert main(["diagnose", "--json", "--batches", "12", str(SCRIPT), str(example), str(step), str(workers)]) == 0
        assert (DataLoader.__iter__, sys.argv, sys.path) == before
        out, err = capsys.readouterr()
        assert "ran to its end" not in err
        return dict(json.loads(out))

    verdict = settled(run, lambda found: found["kind"] == kind)
    assert verdict["kind"] == kind, verdict["line"]
    if kind == "INPUT-BOUND":
        assert verdict["bottleneck"] == "dataset[i]" and verdict["best"]


def test_a_script_without_loaders_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "empty.py"
    script.write_text("print('hello')\n")
    assert main(["diagnose", str(script)]) == 2
    assert "nothing to judge" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "error"), [("raise RuntimeError('mine')", "RuntimeError: mine"), ("for", "SyntaxError")]
)
def test_an_error_of_the_script_is_shown_as_its_own_and_nothing_stays_patched(
    text: str, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script, before = tmp_path / "bad.py", DataLoader.__iter__
    script.write_text(text + "\n")
    assert main(["diagnose", str(script)]) == 2
    said = capsys.readouterr().err
    assert error in said and "fails by itself" in said and "apus/cli" not in said
    assert DataLoader.__iter__ is before
