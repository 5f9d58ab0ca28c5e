"""One test a row of the table; the rows of TorchTPU's defects run where it can be emulated, in a process each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from apus.errors import MissingExtraError
from apus.training import quirks
from apus.training.tpu_check import environment

START = """
import copy, torch
from torch import nn
from apus.training import quirks
quirks.start_emulated()
torch.manual_seed(0)
"""
TESTS = {
    "batch-norm-statistics": """
model, x = nn.BatchNorm2d(3), torch.randn(8, 3, 4, 4) + 5
expected = copy.deepcopy(model)
expected(x)
broken = copy.deepcopy(model).to("tpu")
broken(x.to("tpu"))
assert broken.running_mean.cpu().abs().max() == 0, "the defect is gone: drop the row"
cured = copy.deepcopy(model).to("tpu")
assert "batch-norm-statistics" in quirks.cure(cured)
cured(x.to("tpu"))
assert torch.allclose(cured.running_mean.cpu(), expected.running_mean, atol=1e-5)
assert torch.allclose(cured.running_var.cpu(), expected.running_var, atol=1e-5)
""",
    "batch-norm-digits": """
model, x, weights = nn.BatchNorm2d(3), torch.randn(8, 3, 9, 9) + 100, torch.randn(8, 3, 9, 9)
def run(model, device, dtype=torch.float32):
    model = model.to(device, dtype)
    values = x.to(device, dtype).requires_grad_()
    out = model(values)
    (out * weights.to(device, dtype)).sum().backward()
    return [t.detach().cpu().double() for t in (out, values.grad, model.weight.grad)]
expected = run(copy.deepcopy(model), "cpu", torch.float64)
def error(found):
    return max(float((a - b).norm() / b.norm()) for a, b in zip(found, expected))
assert error(run(copy.deepcopy(model), "tpu")) > 1e-3, "the defect is gone: drop the row"
cured = copy.deepcopy(model)
quirks.cure(cured)
quirks.cure(cured)
assert error(run(copy.deepcopy(cured), "tpu")) < 1e-4
moved = nn.BatchNorm2d(3, momentum=None)
expected_moved = copy.deepcopy(moved)
quirks.cure(moved.to("tpu"))
for _ in range(3):
    expected_moved(x), moved(x.to("tpu"))
assert torch.allclose(moved.running_var.cpu(), expected_moved.running_var, rtol=1e-3)
assert int(moved.num_batches_tracked) == 3
""",
    "bf16-layer-norm": """
model, x = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)), torch.randn(4, 8)
expected = model(x)
def run(model):
    with torch.autocast("tpu", torch.bfloat16):
        return model(x.to("tpu")).float().cpu()
try:
    run(copy.deepcopy(model).to("tpu"))
except RuntimeError:
    pass
else:
    raise AssertionError("the defect is gone: drop the row")
cured = copy.deepcopy(model).to("tpu")
quirks.cure(cured)
assert torch.allclose(run(cured), expected, atol=0.1)
""",
    "fake-quantize": """
x, scale, zero = torch.randn(4, 3), torch.tensor([0.1, 0.01, 0.5]), torch.tensor([0, 0, 0], dtype=torch.int32)
def run(device, quantize):
    value = x.clone().to(device).requires_grad_()
    out = quantize(value, device)
    out.sum().backward()
    return out.detach().cpu(), value.grad.cpu()
def per_channel(value, device):
    return torch.fake_quantize_per_channel_affine(value, scale.to(device), zero.to(device), 1, -7, 7)
def per_tensor(value, device):
    zero = torch.tensor(100, dtype=torch.int32, device=device)
    return torch.fake_quantize_per_tensor_affine(value, torch.tensor(0.01, device=device), zero, 0, 255)
ways = (per_channel, per_tensor)
for way in ways:
    try:
        run("tpu", way)
    except RuntimeError as error:
        assert "not implemented" in str(error)
    else:
        raise AssertionError("the defect is gone: drop the row")
quirks.cure(nn.Identity())
for way in ways:
    for ours, expected in zip(run("tpu", way), run("cpu", way)):
        assert torch.allclose(ours, expected)
""",
    "parameters-replaced": """
from apus.training import Runtime
model = nn.Linear(2, 2)
before = model.weight
optimizer = torch.optim.SGD(model.parameters(), 0.1)
model, optimizer = Runtime("tpu").setup(model, optimizer)
assert model.weight is not before, "the defect is gone: drop the row"
model(torch.ones(1, 2, device="tpu")).sum().backward()
old = model.weight.detach().cpu().clone()
optimizer.step()
assert not torch.equal(model.weight.detach().cpu(), old)
""",
}


SCANS = """
x, n = torch.randn(3, 7), torch.arange(7)
for name in quirks.SCANS:
    found = []
    for device in ("cpu", "tpu"):
        values = x.detach().to(device).requires_grad_()
        out = getattr(values, name)(1)
        (out * out).sum().backward()
        found.append((out.detach().cpu(), values.grad.cpu(), getattr(n.to(device), name)(0).cpu()))
    for expected, ours in zip(*found):
        assert ours.dtype == expected.dtype and torch.allclose(ours, expected, rtol=1e-5, atol=1e-5)
"""


@pytest.mark.parametrize("name", sorted(TESTS))
def test_the_defect_is_there_and_cured(name):
    emulate(TESTS[name])


def test_scans_run_emulated_as_on_a_cpu():
    emulate(SCANS)


def emulate(body):
    try:
        emulated = environment()
    except MissingExtraError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-c", START + body]
    done = subprocess.run(command, env=emulated, capture_output=True, text=True, errors="replace", timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_hang_is_avoided(monkeypatch):
    monkeypatch.delenv("TPU_SKIP_MDS_QUERY", raising=False)
    monkeypatch.setattr(quirks, "installed", lambda: "0.2.0")
    monkeypatch.setattr(quirks, "registered", lambda: True)
    quirks.avoid_hang()
    assert "TPU_SKIP_MDS_QUERY" not in os.environ
    monkeypatch.setattr(quirks, "registered", lambda: False)
    quirks.avoid_hang()
    assert os.environ.pop("TPU_SKIP_MDS_QUERY") == "1"


def test_every_row_has_a_test():
    assert {quirk.name for quirk in quirks.QUIRKS} == {*TESTS, "hang-without-tpu"}


def test_rows_are_gated_by_version(monkeypatch):
    monkeypatch.setattr(quirks, "_operators", lambda: None)
    model = nn.Sequential(nn.BatchNorm1d(2), nn.LayerNorm(2))
    for version, cured in (
        ("0.2.0", ["batch-norm-statistics", "batch-norm-digits", "bf16-layer-norm", "fake-quantize"]),
        ("9.0", []),
        (None, []),
    ):
        monkeypatch.setattr(quirks, "installed", lambda version=version: version)
        assert quirks.cure(model) == cured


def test_cures_do_nothing_off_the_tpu():
    torch.manual_seed(0)
    model, x = nn.BatchNorm1d(2), torch.randn(4, 2)
    quirks.batch_norm_in_two_passes(model)
    model(x)
    plain = nn.BatchNorm1d(2)
    plain(x)
    assert torch.equal(model.running_mean, plain.running_mean)
    norm = nn.LayerNorm(2)
    quirks.norm_in_weight_type(norm)
    assert norm(x.bfloat16()).dtype == torch.float32


def test_private_calls_stand_in_one_module():
    names = ("torch_tpu", "_get_cache_stats", "_dynamo", "_get_privateuse1")
    files = [path for path in Path(quirks.__file__).parent.rglob("*.py") if path.name != "quirks.py"]
    assert len(files) > 20
    for path in files:
        content = path.read_text()
        assert not [name for name in names if name in content], path
