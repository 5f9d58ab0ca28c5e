"""Distillation, echo, 16x1 masks, fake quantisation, learned widths: on two ranks and an emulated TPU as on one CPU."""

import json

import pytest
import torch
from launch import run

from apus.errors import MissingExtraError
from apus.training.tpu_check import environment


def train(path, script="techniques.py", **options):
    run(script, path, **options)
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return train(tmp_path_factory.mktemp("alone") / "out.json")[0]


def agrees(result, alone):
    assert result["kept"] == alone["kept"]
    assert {1 - sum(kept) / len(kept) for kept in result["kept"].values()} == {0.75}
    assert result["steps"] == 12
    for ours, expected in zip(result["weights"], alone["weights"], strict=True):
        assert torch.allclose(torch.tensor(ours), torch.tensor(expected), atol=1e-5)


def test_masks_are_the_same_on_all_ranks(tmp_path, alone):
    first, second = train(tmp_path / "out.json", ranks=2)
    assert first["weights"] == second["weights"]
    agrees(first, alone)
    agrees(second, alone)


def test_masks_are_the_same_on_an_emulated_tpu(tmp_path, alone):
    try:
        emulated = environment()
    except MissingExtraError as error:
        pytest.skip(str(error))
    agrees(train(tmp_path / "out.json", environment=emulated)[0], alone)


@pytest.fixture(scope="module")
def widths_alone(tmp_path_factory):
    return train(tmp_path_factory.mktemp("bits") / "out.json", "bits.py")[0]


def test_gates_are_the_same_on_all_ranks(tmp_path, widths_alone):
    first, second = train(tmp_path / "out.json", "bits.py", ranks=2)
    assert first["phi"] == second["phi"]
    assert first["weights"] == second["weights"]
    assert first["widths"] == second["widths"] == widths_alone["widths"]
    assert first["moved"] > 1
    assert any(width[0] < 32 for width in first["widths"])


def test_gates_are_the_same_on_an_emulated_tpu(tmp_path, widths_alone):
    try:
        emulated = environment()
    except MissingExtraError as error:
        pytest.skip(str(error))
    there = train(tmp_path / "out.json", "bits.py", environment=emulated)[0]
    assert there["widths"] == widths_alone["widths"]
    for key in ("phi", "weights"):
        for ours, expected in zip(there[key], widths_alone[key], strict=True):
            assert torch.allclose(torch.tensor(ours), torch.tensor(expected), atol=1e-4)
