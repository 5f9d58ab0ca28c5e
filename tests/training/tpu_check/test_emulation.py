"""Nothing compiles after warm-up on an emulated TPU, eager and compiled, with ragged batches through our loader."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from apus.errors import MissingExtraError
from apus.training import quirks
from apus.training.tpu_check.emulation import environment

COUNT = """
import json, sys, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from apus.training import Runtime
torch.manual_seed(0)
runtime = Runtime(compiler=sys.argv[1] if len(sys.argv) > 1 else None)
data = TensorDataset(torch.randn(37, 8), torch.randint(0, 3, (37,)))
model, feed = runtime.setup(nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 3)), DataLoader(data, 8))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
counts = []
for epoch in range(3):
    for x, y in feed:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        counts.append(runtime.compilations())
print(json.dumps({"device": str(x.device), "counts": counts, "spent": runtime.budget.spent}))
"""


@pytest.mark.parametrize("compiler", [None, "tpu"])
def test_no_program_is_compiled_after_the_second_step(compiler):
    try:
        emulated = environment(compiled=compiler is not None)
    except MissingExtraError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-c", COUNT, *([compiler] if compiler else [])]
    done = subprocess.run(command, env=emulated, capture_output=True, text=True, errors="replace", timeout=250)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["device"] == "tpu:0"
    assert answer["counts"][0] > 0
    assert answer["counts"][-1] == answer["counts"][1]
    assert answer["spent"] == 0


def test_what_is_absent_is_named(monkeypatch):
    monkeypatch.setattr(quirks, "installed", lambda: None)
    with pytest.raises(MissingExtraError, match=r"apus-ml\[tpu-check\]"):
        environment()
    monkeypatch.setattr(quirks, "installed", lambda: "0.2.0")
    monkeypatch.setattr(quirks, "eager_plugin", lambda: Path("/nowhere.so"))
    monkeypatch.setattr(quirks, "compiling_plugin", lambda: None)
    assert environment()["TPU_LIBRARY_PATH"] == "/nowhere.so"
    with pytest.raises(MissingExtraError, match="lammps-jax-pjrt-cpu"):
        environment(compiled=True)
