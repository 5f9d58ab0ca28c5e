"""kill -9 at any moment, run again: it goes on, and ends with the same bits."""

import random
import signal
import subprocess
import sys
import time

from own_recipe import RECIPE

SMALL = ('own_parts:data"', 'own_parts:data"\narguments = { count = 256 }')
LEARN = ("teacher", "student", "prune", "quantize")
WORDS = [sys.executable, "-m", "apus.cli", "compress", "own.toml", "--stages", ",".join(LEARN)]


def start(workplace):
    return subprocess.Popen(WORDS, cwd=workplace, stderr=subprocess.PIPE, text=True)


def weights(workplace):
    return [(workplace / "runs" / "own" / stage / "weights.safetensors").read_bytes() for stage in LEARN]


def wait_for_work(workplace, process):
    """Return once the run has trained a little since it started."""
    began, folder = time.time(), workplace / "runs" / "own"
    while process.poll() is None:
        if any(path.stat().st_mtime > began for path in folder.glob("*/checkpoint.pt")):
            return
        time.sleep(0.02)


def test_killed_at_random_moments(tmp_path_factory, workplace):
    text = RECIPE.replace("learning_rate", "checkpoint_steps = 3, learning_rate").replace(*SMALL)
    (workplace / "own.toml").write_text(text)
    calm = tmp_path_factory.mktemp("calm")
    for file in ("own.toml", "own_parts.py"):
        (calm / file).write_text((workplace / file).read_text())
    assert subprocess.run(WORDS, cwd=calm, capture_output=True, check=False).returncode == 0

    chance, kills = random.Random(0), 0
    for _ in range(3):
        process = start(workplace)
        wait_for_work(workplace, process)
        time.sleep(chance.random())
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills >= 2
    last = subprocess.run(WORDS, cwd=workplace, capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stderr
    assert weights(workplace) == weights(calm)


def test_ctrl_c_saves_and_says_so(workplace):
    (workplace / "own.toml").write_text(RECIPE.replace("epochs = 3", "epochs = 300"))
    process = start(workplace)
    while "step" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "saved; run the same command again to go on" in said
    assert "Traceback" not in said
    assert (workplace / "runs" / "own" / "teacher" / "checkpoint.pt").exists()
