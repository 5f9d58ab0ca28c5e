"""Runs that are killed and taken up: equal to one that was left alone."""

import json
import signal

import pytest
from launch import run

from apus.training import Runtime
from apus.training.keeper import PREEMPTED

CONTINUED = 1e-3


def outcomes(folder, count, number):
    return json.loads(run("resumable.py", folder, "--many", count, number))["outcomes"]


def check(outcomes, exit_code):
    assert [one["exit"] for one in outcomes] == [exit_code] * len(outcomes)
    assert all(one["same"] for one in outcomes)


@pytest.mark.timeout(900)  # twenty runs are killed and taken up, one after the other
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_run_ends_bit_equal(tmp_path, count, number):
    check(found := outcomes(tmp_path, count, int(number)), -9 if number == signal.SIGKILL else 143)
    if number == signal.SIGTERM:  # nothing is lost: it saved at the very step
        assert [one["from"] for one in found] == [one["step"] for one in found]


def test_a_folder_that_cannot_be_is_refused_before_the_first_step(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file"):
        Runtime("cpu").checkpoints(tmp_path / "file")


def test_a_stopped_run_says_where_it_is(tmp_path, capsys):
    keeper = Runtime("cpu").checkpoints(tmp_path)
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stopped:
        keeper.step()
    assert stopped.value.code == PREEMPTED
    assert f"SIGTERM: saved step 1 in {tmp_path}; start it again" in capsys.readouterr().err


def printed(output):
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return printed(run("resumable.py", tmp_path_factory.mktemp("alone"), "--plain"))[0]


def agrees(result, alone):
    common = sorted(set(result["losses"]) & set(alone["losses"]), key=int)
    first = common[0]
    assert result["losses"][first] == pytest.approx(alone["losses"][first], rel=1e-5)
    assert result["losses"] == pytest.approx({step: alone["losses"][step] for step in common}, abs=CONTINUED)


def test_from_one_rank_to_two(tmp_path, alone):
    run("resumable.py", tmp_path, "--plain", "--kill", 5, 15, status=143)
    results = printed(run("resumable.py", tmp_path, "--plain", ranks=2, torchrun=True))
    assert len(results) == 2
    assert results[0]["digest"] == results[1]["digest"]
    assert len(results[0]["losses"]) == 55
    agrees(results[0], alone)


@pytest.mark.slow
def test_from_two_ranks_to_one(tmp_path, alone):
    run("resumable.py", tmp_path, "--plain", "--kill", 9, 15, ranks=2, status=143)
    (result,) = printed(run("resumable.py", tmp_path, "--plain"))
    assert len(result["losses"]) == 50  # the ranks agree on the step after the signal
    agrees(result, alone)


@pytest.mark.slow
def test_torchrun_restarts_from_the_checkpoint(tmp_path, alone):
    results = printed(run("resumable.py", tmp_path, "--plain", "--kill", 25, 9, ranks=2, restarts=2, torchrun=True))
    assert len(results) == 2
    assert min(map(int, results[0]["losses"])) == 21
    agrees(results[0], alone)
