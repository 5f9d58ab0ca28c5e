"""The recipes' loop, alone or under torchrun: OUT.json FOLDER [STOP]; at step STOP the last rank gets SIGTERM.

Without BatchNorm and dropout, so that the number of ranks changes nothing but rounding; the last batch is ragged.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from apus.data import ArrayBatches, Arrays
from apus.techniques.sparsity import Masks
from apus.training import Plugs, Stopped, TrainOptions, Validation, fit, here

torch.set_num_threads(1)
out, folder = map(Path, sys.argv[1:3])
stop = int(sys.argv[3]) if len(sys.argv) > 3 else 0
runtime = here()
torch.manual_seed(1)
model = runtime.place(nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4)))
rng = np.random.default_rng(2)
x = rng.standard_normal((77, 16)).astype(np.float32)
data = Arrays(x, x[:, :4].argmax(1))
masks = Masks(model)


def after_step(step, steps):
    if step == 8:
        masks.update(0.5)
    masks.apply()
    if step == stop and runtime.ranks.rank == runtime.ranks.world - 1:
        os.kill(os.getpid(), signal.SIGTERM)


options = TrainOptions(epochs=4, learning_rate=0.05, ema=0.5, clip=1.0, checkpoint_steps=3, checkpoint_seconds=1e9)
valid = Validation(ArrayBatches(data, 50, shuffle=False, whole=False))
plugs = Plugs(after_step=after_step)
batches = ArrayBatches(data, 12, whole=False)
try:
    history = fit(
        model, batches, options, plugs, folder=folder, valid=valid, extra={"masks": masks}, runtime=runtime, seed=3
    )
except Stopped as stopped:
    sys.stdout.write(f"{stopped}\n")
    raise SystemExit(128 + stopped.signal) from None
weights = [p.detach().cpu().flatten().tolist() for p in model.parameters()]
kept = {name: mask.cpu().flatten().tolist() for name, mask in masks.kept.items()}
ranks = runtime.ranks.gather({"weights": weights, "kept": kept, "device": str(next(model.parameters()).device)})
if runtime.is_main:
    out.write_text(json.dumps({"history": history, "ranks": ranks}))
runtime.ranks.barrier()
