"""The road on two ranks, one of which is killed on the way, and on an emulated TPU."""

import json
import os
import signal
import subprocess
import sys

import pytest
from own_recipe import RECIPE
from test_resume import LEARN, SMALL, wait_for

from apus.errors import MissingExtraError
from apus.training.tpu_check import environment

RANKS = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "apus.cli"]
WALK = ["compress", "own.toml"]
TRAIN = [*WALK, "--stages", ",".join(LEARN)]
CPU = {**os.environ, "OMP_NUM_THREADS": "1", "APUS_DEVICE": "cpu"}


def prepare(workplace, text=RECIPE):
    text = text.replace("learning_rate", "checkpoint_steps = 3, learning_rate").replace(*SMALL)
    (workplace / "own.toml").write_text("threads = 1\n" + text)
    return workplace


def finish(workplace, command, env=CPU):
    done = subprocess.run(
        command, cwd=workplace, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def weights(workplace):
    return {stage: (workplace / "runs" / "own" / stage / "weights.safetensors").read_bytes() for stage in LEARN}


def accuracies(workplace):
    return [json.loads((workplace / "runs/own" / s / "done.json").read_text())["accuracy_pct"] for s in LEARN]


def a_rank(torchrun):
    """One of the processes that torchrun started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(torchrun.pid)], capture_output=True, text=True)
    return int(listed.stdout.split()[-1])


@pytest.mark.slow
def test_two_ranks_one_of_which_is_killed_walk_to_the_end(tmp_path_factory, workplace):
    calm = prepare(tmp_path_factory.mktemp("calm"))
    (calm / "own_parts.py").write_text((workplace / "own_parts.py").read_text())
    finish(calm, [*RANKS, *TRAIN])

    started = subprocess.Popen([*RANKS, *TRAIN], cwd=prepare(workplace), env=CPU, stderr=subprocess.PIPE, text=True)
    wait_for(started, workplace / "runs" / "own" / "student" / "checkpoint.pt")
    os.kill(a_rank(started), signal.SIGKILL)
    started.communicate()
    assert started.returncode == 1
    assert not (workplace / "runs" / "own" / "prune").exists()

    done = finish(workplace, [*RANKS, *WALK])
    assert "teacher done before" in done.stderr
    assert done.stdout.count("student.apus") == 1  # one rank tells
    assert weights(workplace) == weights(calm)
    assert (workplace / "runs" / "own" / "report.html").exists()


@pytest.mark.slow
def test_an_emulated_tpu_walks_to_the_end(tmp_path_factory, workplace):
    try:
        emulated = environment() | {"OMP_NUM_THREADS": "1"}
    except MissingExtraError as error:
        pytest.skip(str(error))
    stock = RECIPE.replace('[loss]\nfunction = "own_parts:loss"\n', "")  # a margin loss is not among its operators
    here = prepare(tmp_path_factory.mktemp("here"), stock)
    (here / "own_parts.py").write_text((workplace / "own_parts.py").read_text())
    finish(here, [sys.executable, "-m", "apus.cli", *TRAIN])
    done = finish(prepare(workplace, stock), [sys.executable, "-m", "apus.cli", *WALK], emulated)
    assert "student.apus" in done.stdout
    assert accuracies(workplace) == pytest.approx(accuracies(here), abs=1.0)  # two of 200
