"""The recipes' loop on two ranks and on an emulated TPU: as on one CPU, also when it is stopped on the way."""

import json

import pytest
import torch
from launch import run

from apus.errors import MissingExtraError
from apus.training.agreement import Agreement
from apus.training.distributed import Ranks
from apus.training.tpu_check import environment


def train(folder, *arguments, **options):
    run("fitted.py", folder / "out.json", folder, *arguments, **options)
    return json.loads((folder / "out.json").read_text()) if (folder / "out.json").exists() else None


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return train(tmp_path_factory.mktemp("alone"))


def agrees(result, alone):
    expected = alone["ranks"][0]
    for one in result["ranks"]:
        assert one["kept"] == expected["kept"]
        assert one["weights"] == result["ranks"][0]["weights"]
        for ours, theirs in zip(one["weights"], expected["weights"], strict=True):
            assert torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=1e-4)
    for ours, theirs in zip(result["history"], alone["history"], strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-4)
        assert ours["valid_loss"] == pytest.approx(theirs["valid_loss"], abs=1e-4)


def test_two_ranks_stopped_and_taken_up_train_as_one(tmp_path, alone):
    assert train(tmp_path, 11, ranks=2, status=143) is None
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["place"]["step"] == 12  # agreed a step later
    again = train(tmp_path, ranks=2)
    assert len(again["ranks"]) == 2
    agrees(again, alone)


def test_an_emulated_tpu_trains_as_a_cpu(tmp_path, alone):
    try:
        emulated = environment()
    except MissingExtraError as error:
        pytest.skip(str(error))
    result = train(tmp_path, environment=emulated)
    assert result["ranks"][0]["device"] == "tpu:0"
    agrees(result, alone)


def test_one_process_agrees_with_itself():
    agreement = Agreement(Ranks(torch.device("cpu")))
    assert [agreement.ask(15), agreement.ask(0), agreement.settle()] == [15, 0, 0]
