"""`apus search`: prints the front, as a table or as JSON. The road itself is stubbed."""

import json
from pathlib import Path
from typing import Any

import pytest

from apus import cli
from apus.compress import search as module


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def evaluate(recipe: Any, folder: Any, values: dict[str, float], say: Any) -> dict[str, float]:
        return {"accuracy_pct": 90.0, "p50_us": 100 * (1 - values["prune.sparsity"]), "bytes": 1000.0}

    monkeypatch.setattr(module, "evaluate", evaluate)
    monkeypatch.setattr(module, "_train_teacher", lambda *_: None)
    path = tmp_path / "toy.toml"
    path.write_text('[search]\ntrials = 3\n[search.space]\n"prune.sparsity" = [0.5, 0.8]\n')
    return path


def test_trials_are_printed(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["search", str(recipe), "--run-dir", str(tmp_path / "run")]
    assert cli.main([*words, "--json"]) == 0
    trials = json.loads(capsys.readouterr().out)
    assert len(trials) == 3 and any(trial["front"] for trial in trials)
    assert cli.main(words) == 0
    assert "the front of 3 trials" in capsys.readouterr().out


def test_a_recipe_without_a_space_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plain.toml").write_text("seed = 1\n")
    assert cli.main(["search", str(tmp_path / "plain.toml")]) == 2
    assert "[search.space] is empty" in capsys.readouterr().err
