"""Run the scripts beside this file in processes of their own, one thread each.

A process that imports torch takes seconds, so all are forked from one that has done so (`nursery.py`);
`torchrun=True` and another environment start them as a user would.
"""

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"


def run(script, *arguments, ranks=1, restarts=0, environment=None, status=0, torchrun=False):
    """Standard output of a script, each rank of which must end with `status`; torchrun itself ends with 1."""
    words = [str(SCRIPTS / script), *map(str, arguments)]
    if torchrun or environment:
        return _started(words, ranks, restarts, environment or {}, status)
    with tempfile.TemporaryDirectory() as folder:
        parts = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(ranks)] if ranks > 1 else [{}]
        group = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "localhost", "MASTER_PORT": str(_port())} if ranks > 1 else {}
        places = [str(Path(folder) / str(rank)) for rank in range(ranks)]
        ended = _nursery()(
            [{"words": words, "add": group | part, "to": to} for part, to in zip(parts, places, strict=True)]
        )
        errors = "".join(Path(f"{to}.err").read_text()[-3000:] for to in places)
        assert ended == [status] * ranks, f"{ended}: {errors}"
        return "".join(Path(f"{to}.out").read_text() for to in places)


def _started(words, ranks, restarts, environment, status):
    command = [sys.executable]
    if ranks > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
        command += [f"--max-restarts={restarts}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run([*command, *words], env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == status, done.stderr[-3000:]
    return done.stdout


def _port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


@functools.cache
def _nursery():
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "APUS_DEVICE": "cpu"}
    command = [sys.executable, str(Path(__file__).with_name("nursery.py"))]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.__exit__, None, None, None)  # closes its input, and so ends it

    def ask(children):
        process.stdin.write(json.dumps(children) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    return ask
