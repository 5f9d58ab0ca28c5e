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
SLOW = "import time\n\n\ndef loss(z, y):\n    time.sleep(0.04)\n"
"""No machine is so fast that a stage ends between a checkpoint and the kill after it."""


def start(workplace):
    return subprocess.Popen(WORDS, cwd=workplace, stderr=subprocess.PIPE, text=True)


def weights(workplace):
    return [(workplace / "runs" / "own" / stage / "weights.safetensors").read_bytes() for stage in LEARN]


def changed(path):
    return path.stat().st_mtime_ns if path.exists() else 0


def wait_for(process, checkpoint):
    """Return once the run has written this checkpoint anew."""
    before = changed(checkpoint)
    while process.poll() is None and changed(checkpoint) in (0, before):
        time.sleep(0.002)


def test_killed_at_random_moments(tmp_path_factory, workplace):
    text = RECIPE.replace("learning_rate", "checkpoint_steps = 3, learning_rate").replace(*SMALL)
    (workplace / "own.toml").write_text("threads = 1\n" + text)
    parts = workplace / "own_parts.py"
    parts.write_text(parts.read_text().replace("def loss(z, y):\n", SLOW))
    calm = tmp_path_factory.mktemp("calm")
    for file in ("own.toml", "own_parts.py"):
        (calm / file).write_text((workplace / file).read_text())
    assert subprocess.run(WORDS, cwd=calm, capture_output=True, check=False).returncode == 0

    chance, kills = random.Random(0), 0
    for stage in sorted(chance.sample(LEARN, 3), key=LEARN.index):
        process = start(workplace)
        wait_for(process, workplace / "runs" / "own" / stage / "checkpoint.pt")
        time.sleep(0.12 * chance.random())  # three steps, so that some kills hit the writing of the next checkpoint
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills >= 2  # the last may come late on a busy machine
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
