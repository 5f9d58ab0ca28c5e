"""The trainings of `make bench-bits`: killed between epochs, a run ends in the same weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from benchmarks.bits import train
from benchmarks.bits.report import mean_bits
from benchmarks.bits.runs import Run
from torch import nn

from apus.techniques import bayesian_bits

RUN = Run("mnist", "bb-0.5", 3, 3, gates=5e-3, freeze=0.6)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Few images that are noise, and a folder of its own."""
    draw = torch.Generator().manual_seed(0)

    def images(_: str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        sizes = {"train": 320, "valid": 100, "test": 100}
        return {
            part: (torch.randn(n, 1, 28, 28, generator=draw.manual_seed(n)), torch.arange(n) % 10)
            for part, n in sizes.items()
        }

    monkeypatch.setattr(train, "images", images)
    monkeypatch.setattr(train, "FOLDER", tmp_path)


def ended(folder: Path, run: Run = RUN) -> dict[str, torch.Tensor]:
    """The weights that a run left."""
    state: dict[str, torch.Tensor] = torch.load(folder / f"{run.name}.pt", weights_only=True)["model"]
    return state


def test_a_run_taken_up_again_is_the_run(few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, wanted = train.train(RUN, say=str), ended(tmp_path)
    parts = tmp_path / "parts"
    parts.mkdir()
    monkeypatch.setattr(train, "FOLDER", parts)

    def killed(line: str) -> None:
        if "epoch 2" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(RUN, say=killed)
    torch.manual_seed(99)
    again = train.train(RUN, say=str)
    assert all(torch.equal(tensor, ended(parts)[name]) for name, tensor in wanted.items())
    history = [[{**epoch, "cpu_seconds": 0} for epoch in result["history"]] for result in (whole, again)]
    assert history[0] == history[1] and len(history[0]) == 3
    assert again["test_accuracy_pct"] == whole["test_accuracy_pct"]


def test_a_shared_start_is_one_network(few: None, tmp_path: Path) -> None:
    start = replace(RUN, setting="float", epochs=1)
    train.train(start, say=str)
    first = train.network(replace(RUN, start=start.name)).state_dict()["features.0.layer.weight"]
    assert torch.equal(first, ended(tmp_path, start)["features.0.weight"])


def test_a_table_that_is_whole_has_all_its_bits() -> None:
    model = bayesian_bits.prepare(nn.Sequential(nn.Embedding(300, 16), nn.Linear(16, 4)), torch.tensor([[0, 1]]))
    rows = bayesian_bits.describe(model)
    assert [row["outputs"] for row in rows] == [16, 4] and all(row["kept"] == row["outputs"] for row in rows)
    wide = [row | {"weight_bits": 8} for row in rows]
    assert mean_bits(wide) == 8 and mean_bits([wide[0] | {"kept": 4}]) == 2
