"""One rank of an echoed training prints keys, steps and factor; arguments: rank, world, store, count, factor."""

import json
import sys
import time

import torch
from torch import distributed

from apus.data.pipeline import Pipeline

rank, world, store, count, factor = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
torch.set_num_threads(1)
distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)


def read(key):
    time.sleep(0.002 * (1 + rank) if factor == "auto" else 0)  # ranks that differ must still agree on a factor
    return key


pipe = Pipeline(range(count)).read(read).echo(factor if factor == "auto" else float(factor)).batch(8, drop_last=False)
steps, keys = 0, []
for batch in pipe:
    total = torch.tensor([float(len(batch))])
    distributed.all_reduce(total)  # the step's own collective: it hangs if ranks differ in steps
    if factor == "auto":
        time.sleep(0.005)
    steps, keys = steps + 1, keys + batch.tolist()
print(json.dumps({"steps": steps, "keys": keys, "factor": pipe.factor, "length": len(pipe)}))
distributed.destroy_process_group()
