"""What Bayesian Bits cost while they train: time of a step and peak memory, beside the plain network's."""

import ctypes
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from benchmarks.bits.runs import BATCH, FLOAT, MNIST, SETTINGS, Run, Setting
from benchmarks.bits.train import images, network, optimizer_of
from torch.nn import functional as F

from apus.bench.results import Row, row
from apus.techniques import bayesian_bits as bb

TURNS, STEPS = 15, 8
HOW = {"plain": "float", "bits": MNIST[0].setting}


def stepper(setting: str) -> Callable[[], None]:
    """One optimisation step of LeNet-5 on the same batch."""
    run = Run("mnist", setting, 0, 1)
    how: Setting = SETTINGS.get(setting, FLOAT)
    model = network(run).train()
    optimizer = torch.optim.Adam(model.parameters(), fused=True) if how is FLOAT else optimizer_of(model)
    x, y = (part[:BATCH] for part in images("mnist")["train"])

    def step() -> None:
        loss = F.cross_entropy(model(x), y)
        if how.mu:
            loss = loss + how.mu * bb.penalty(model)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def seconds(step: Callable[[], None]) -> float:
    begin = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - begin) / STEPS


def rows() -> list[Row]:
    """Times in turns in one process; memory of a process for each."""
    steppers = {name: stepper(setting) for name, setting in HOW.items()}
    for step in steppers.values():
        seconds(step)
    turns = [{name: seconds(step) for name, step in steppers.items()} for _ in range(TURNS)]
    ratios = [turn["bits"] / turn["plain"] for turn in turns]
    times = {name: 1e3 * median(turn[name] for turn in turns) for name in HOW}
    peaks = {name: peak(name) for name in HOW}
    found = [("step_ratio", median(ratios), "x", min(ratios), max(ratios), {"ms": times, "batch": BATCH})]
    found += [(f"{name}_peak_mb", mb, "MB", mb, mb, {}) for name, mb in peaks.items()]
    return [
        row("lenet5-step", metric, value, unit, low=low, high=high, runs=TURNS if unit == "x" else 1, detail=detail)
        for metric, value, unit, low, high, detail in found
    ]


def peak(name: str) -> float:
    """MB that training adds to a fresh process which has torch and the images."""
    command = [sys.executable, "-m", "benchmarks.bits.step", HOW[name]]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def memory(field: str) -> float:
    """MB, such as VmRSS (now) and VmHWM (the peak since it was reset), as Linux counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(field + ":"))) / 1e3


if __name__ == "__main__":
    torch.set_num_threads(1)
    images("mnist")
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what loading left free would hide what training takes
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    seconds(stepper(sys.argv[1]))
    print(memory("VmHWM") - before)
