"""Imports what the scripts import, once, and forks a child for each: a line of JSON in, a line out."""

import json
import os
import runpy
import sys
import traceback
from pathlib import Path

import torch

torch.set_num_threads(1)


def live(child):
    """Be one child: its script, with its output in files; ends the process."""
    status = 1
    for number, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{child['to']}.{kind}", os.O_WRONLY | os.O_CREAT), number)
    os.environ |= child["add"]
    sys.argv = child["words"]
    sys.path[0] = str(Path(child["words"][0]).parent)
    try:
        runpy.run_path(child["words"][0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


for line in sys.stdin:
    started = []
    for child in json.loads(line):
        if (process := os.fork()) == 0:
            live(child)
        started.append(process)
    ended = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in started]
    sys.stdout.write(json.dumps(ended) + "\n")
    sys.stdout.flush()
