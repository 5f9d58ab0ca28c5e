"""A script that checkpoints, and is killed: prints a digest of all that it ended with, and its losses.

FOLDER [--plain] [--kill STEP SIGNAL]: train to the end, or until the signal. `--plain`: without BatchNorm and dropout.
FOLDER --many COUNT SIGNAL: kill children at as many random steps, and compare each run with one left alone.
"""

import argparse
import hashlib
import json
import os
import random
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from apus.training import Runtime

EVERY = 7


def network(plain):
    torch.manual_seed(1)
    extra = [] if plain else [nn.BatchNorm1d(32), nn.Dropout(0.2)]
    return nn.Sequential(nn.Linear(16, 32), *extra, nn.ReLU(), nn.Linear(32, 4))


def train(folder, plain=False, kill_at=0, number=0):
    runtime = Runtime("cpu")
    x = torch.randn(90, 16, generator=torch.Generator().manual_seed(2))
    model = network(plain)
    loader = DataLoader(TensorDataset(x, x[:, :4].argmax(1)), batch_size=16, shuffle=True)
    model, loader = runtime.setup(model, loader)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)
    keeper = runtime.checkpoints(
        folder, every=EVERY, model=model, optimizer=optimizer, schedule=schedule, loader=loader
    )
    losses = {}
    for _epoch in range(loader.epoch, 10 if plain else 5):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses[keeper.steps] = float(runtime.ranks.mean(loss.detach()))
            if keeper.steps + 1 == kill_at and runtime.ranks.rank == runtime.ranks.world - 1:
                os.kill(os.getpid(), number)
            keeper.step()
    keeper.close()
    state = [*model.state_dict().values(), *(v for s in optimizer.state.values() for v in s.values())]
    values = b"".join(value.detach().numpy().tobytes() for value in state)
    return {"digest": hashlib.sha256(values).hexdigest(), "steps": keeper.steps, "losses": losses}


def child(*arguments):
    """Run `train` in a fork; its exit status, and what it returned if it got so far."""
    reading, writing = os.pipe()
    if (process := os.fork()) == 0:
        status = 1
        try:
            os.write(writing, json.dumps(train(*arguments)).encode())
            status = 0
        except SystemExit as stop:
            status = stop.code
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), json.loads(text) if text else None


def many(folder, count, number):
    _, alone = child(folder / "alone")
    outcomes = []
    for trial in range(count):
        step = random.Random(trial).randrange(1, alone["steps"] + 1)
        killed, _ = child(folder / str(trial), False, step, number)
        _, again = child(folder / str(trial))
        redone = min(map(int, again["losses"]), default=alone["steps"])
        outcomes.append({"step": step, "exit": killed, "same": again["digest"] == alone["digest"], "from": redone})
    return {"alone": alone["digest"], "outcomes": outcomes}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--kill", nargs=2, type=int, default=(0, 0))
    parser.add_argument("--many", nargs=2, type=int)
    options = parser.parse_args()
    if options.many:
        print(json.dumps(many(options.folder, *options.many)))
        return
    attempt = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0))
    result = train(options.folder, options.plain, *(options.kill if attempt == 0 else (0, 0)))
    sys.stdout.write(json.dumps(result) + "\n")  # in one piece: two ranks share it


torch.set_num_threads(1)
main()
