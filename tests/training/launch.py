"""Run the scripts beside this file as a user would: in processes of their own, one thread each."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"


def run(script, *arguments, ranks=1, restarts=0, environment=None, status=0):
    """Standard output of a script, which must end with `status`."""
    command = [sys.executable]
    if ranks > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
        command += [f"--max-restarts={restarts}"]
    command += [str(SCRIPTS / script), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == status, done.stderr[-3000:]
    return done.stdout
