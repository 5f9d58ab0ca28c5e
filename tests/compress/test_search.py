"""The search: counts trials over runs, resumes one that was cut off, finds the front. The road itself is stubbed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest

from apus.compress import search as module
from apus.compress.folder import RunFolder
from apus.compress.recipe_file import from_table
from apus.errors import VerificationError

SPACE = {"prune.sparsity": {"low": 0.5, "high": 0.95}, "quantize.weight_bits": [4, 8]}
RECIPE = from_table({"name": "toy", "search": {"trials": 6, "space": SPACE}})


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every evaluation; more sparsity costs accuracy and saves time and bytes."""
    calls: list[dict[str, Any]] = []

    def evaluate(recipe: Any, folder: Any, values: Mapping[str, Any], say: Any) -> dict[str, Any]:
        calls.append(dict(values))
        sparsity, bits = values["prune.sparsity"], values["quantize.weight_bits"]
        slow = 50.0 if bits == 4 else 40.0  # four bits are always worse here
        return {
            "accuracy_pct": 95 - 5 * sparsity - (8 - bits),
            "p50_us": slow * (1 - sparsity),
            "bytes": 1e5 * (1 - sparsity),
        }

    monkeypatch.setattr(module, "evaluate", evaluate)
    monkeypatch.setattr(module, "_train_teacher", lambda *_: None)
    return calls


def search(folder: Path, **more: Any) -> list[dict[str, Any]]:
    return module.search(RECIPE, RunFolder(folder), say=lambda _: None, **more)


def test_the_front_is_found_and_written(tmp_path: Path, tried: list[dict[str, Any]]) -> None:
    trials = search(tmp_path)
    assert len(trials) == len(tried) == 6
    for trial in trials:
        better = [
            other
            for other in trials
            if other["accuracy_pct"] > trial["accuracy_pct"]
            and other["p50_us"] < trial["p50_us"]
            and other["bytes"] < trial["bytes"]
        ]
        assert not (trial["front"] and better)
    assert any(trial["front"] for trial in trials)
    written = json.loads((tmp_path / "search.json").read_text())
    assert written["search"]["trials"] == trials
    assert {row["metric"] for row in written["rows"]} == {"accuracy_pct", "p50_us", "bytes"}
    assert "The search" in (tmp_path / "search.html").read_text()


def test_a_second_run_goes_on(tmp_path: Path, tried: list[dict[str, Any]]) -> None:
    first = search(tmp_path, trials=3)
    assert search(tmp_path, trials=3) == first and len(tried) == 3
    assert search(tmp_path, trials=5)[:3] == [
        t | {"front": later["front"]} for t, later in zip(first, search(tmp_path, trials=5), strict=False)
    ]
    assert len(tried) == 5
    assert len({json.dumps(values) for values in tried}) == 5


def test_a_trial_that_was_cut_off_is_tried_again(
    tmp_path: Path, tried: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = module.evaluate
    seen: list[dict[str, Any]] = []

    def killed(recipe: Any, folder: Any, values: Mapping[str, Any], say: Any) -> dict[str, Any]:
        seen.append(dict(values))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "evaluate", killed)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path)
    monkeypatch.setattr(module, "evaluate", stub)
    search(tmp_path, trials=2)
    assert tried[0] == seen[0]


def test_unverified_trials_are_said_and_not_counted(
    tmp_path: Path, tried: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unverified(*_: Any) -> dict[str, Any]:
        raise VerificationError("outputs differ")

    monkeypatch.setattr(module, "evaluate", unverified)
    said: list[str] = []
    with pytest.raises(VerificationError):
        module.search(RECIPE, RunFolder(tmp_path), trials=2, say=said.append)
    assert any("outputs differ" in line for line in said)


def test_the_front_is_drawn_into_an_existing_report(tmp_path: Path, tried: list[dict[str, Any]]) -> None:
    from report_sample import sample_report

    report = sample_report()
    del report["search"]
    (tmp_path / "report.json").write_text(json.dumps(report))
    search(tmp_path, trials=2)
    assert "The search" in (tmp_path / "report.html").read_text()
    assert "search" not in json.loads((tmp_path / "report.json").read_text())


def test_optuna_remembers_in_the_run_folder(tmp_path: Path, tried: list[dict[str, Any]]) -> None:
    search(tmp_path, trials=1)
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path / 'search' / 'study.db'}")
    assert len(study.trials) == 1
