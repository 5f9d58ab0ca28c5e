"""One rank of echoed trainings prints keys, steps and factors; arguments: rank, world, store, count, factors."""

import json
import sys
import time

import torch
from torch import distributed

from apus.data.diagnosis import diagnose
from apus.data.pipeline import Pipeline

rank, world, store, count = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
torch.set_num_threads(1)
distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)


def slow(key):
    time.sleep(0.002 * (1 + rank))  # ranks that differ must still agree on a factor
    return key


def train(factor):
    auto = factor == "auto"
    pipe = Pipeline(range(count)).read(slow if auto else None).echo(factor).batch(8, drop_last=False)
    steps, keys = 0, []
    for batch in pipe:
        distributed.all_reduce(torch.ones(1))  # the step's own collective: it hangs if ranks differ in steps
        if auto:
            time.sleep(0.003)
        steps, keys = steps + 1, keys + batch.tolist()
    return {"steps": steps, "keys": keys, "factor": pipe.factor}


done = [train(factor if factor == "auto" else float(factor)) for factor in sys.argv[5:]]
verdict = diagnose(range(64), lambda batch: time.sleep(0.003 if rank else 0.03), batches=8)
print(json.dumps([*done, {"verdict": [verdict.kind, verdict.bottleneck]}]))
distributed.destroy_process_group()
