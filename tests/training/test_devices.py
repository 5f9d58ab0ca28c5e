"""One script on several devices; what `Runtime` does to the pieces it is given."""

import difflib
import json
import re
from unittest import mock

import pytest
import torch
from launch import SCRIPTS, run
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from apus.errors import ApusError, DeviceError, MissingExtraError
from apus.training import Runtime, quirks
from apus.training.choice import choose_device, compile_options, compile_step
from apus.training.tpu_check import environment


def final(output):
    """Test loss and the digests of the weights that a script printed, a rank each."""
    losses = [float(x) for x in re.findall(r"epoch 1: test loss ([\d.]+)", output)]
    return losses, re.findall(r"weights (\w+)", output)


@pytest.fixture(scope="module")
def alone():
    return run("plain_anywhere.py", 2)


def test_two_lines_change():
    before, after = ((SCRIPTS / name).read_text().splitlines() for name in ("plain.py", "plain_anywhere.py"))
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-" and line[1:].strip()]
    assert len(before) < 61
    assert len(changed) <= 3


def test_one_process_computes_what_the_plain_script_does(alone):
    assert run("plain.py", 2) == alone


def test_two_ranks_agree_with_one_process(alone):
    losses, digests = final(run("plain_anywhere.py", 2, ranks=2))
    assert len(losses) == len(digests) == 2
    assert digests[0] == digests[1]
    assert losses == pytest.approx(final(alone)[0] * 2, abs=1e-3)


def test_emulated_tpu_agrees_with_cpu(alone):
    try:
        emulated = environment()
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert final(run("plain_anywhere.py", 2, environment=emulated))[0] == pytest.approx(final(alone)[0], abs=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_agrees_with_cpu(alone):
    on_cuda = run("plain_anywhere.py", 2, environment={"APUS_DEVICE": "cuda"})
    assert final(on_cuda)[0] == pytest.approx(final(alone)[0], abs=1e-3)


def test_the_environment_chooses_the_device(monkeypatch):
    monkeypatch.setenv("APUS_DEVICE", "meta")
    assert choose_device().type == "meta"
    assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gpu", "no device 'gpu'; did you mean 'cuda'"),
        ("CUDA", "no device 'CUDA'; did you mean 'cuda'"),
        ("", None),
        ("xpu", "sees no XPU device"),
        ("tpu", r"apus-ml\[tpu\]"),
    ],
)
def test_a_wrong_device_is_named(monkeypatch, name, says):
    monkeypatch.setattr(quirks, "installed", lambda: None)
    monkeypatch.setattr(quirks, "registered", lambda: False)
    monkeypatch.setenv("APUS_DEVICE", name)
    if says is None:
        assert choose_device().type in ("cpu", "cuda")
        return
    with pytest.raises(ApusError, match=says):
        choose_device()


class Cuda:
    """What `choose_device` asks torch about, as if there were two CUDA devices."""

    def __init__(self, monkeypatch):
        self.chosen = []
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
        monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
        monkeypatch.setattr(torch.accelerator, "set_device_index", self.chosen.append)


def test_each_process_takes_the_cuda_device_of_its_local_rank(monkeypatch):
    cuda = Cuda(monkeypatch)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert [str(choose_device(name)) for name in (None, "cuda", "cuda:1")] == ["cuda:0", "cuda:0", "cuda:1"]
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert str(choose_device("cuda")) == "cuda:1"
    assert cuda.chosen == [0, 0, 1, 1]
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(DeviceError, match=r"there is no cuda:2; this host has 2: start at most .* 2"):
        choose_device("cuda")


def test_what_a_replayed_step_returns_outlives_the_next(monkeypatch):
    marks, kept = [], torch.zeros(())
    monkeypatch.setattr(torch, "compile", lambda step, **_: step)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: marks.append(1))
    graph = lambda: {"loss": kept.add_(1)}  # noqa: E731 - writes its outputs in the same place each time
    step = compile_step(graph, torch.device("cuda"), "auto")
    assert [float(one["loss"]) for one in (step(), step())] == [1, 2]
    first, second = step(), step()
    assert (float(first["loss"]), float(second["loss"]), len(marks)) == (3, 4, 4)


def test_bf16_is_taken_where_the_device_multiplies_it(monkeypatch):
    runtime = Runtime("cpu", precision="auto")
    runtime.device = mock.Mock(type="cuda")
    for supported in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, yes=supported: yes)
        assert runtime.bf16 is supported


def test_each_device_has_its_compiler():
    for device, best in (("cpu", "inductor"), ("cuda", "inductor"), ("tpu", "tpu")):
        options = compile_options(mock.Mock(type=device), None, graphs=True)
        assert options["backend"] == best
        assert options["dynamic"] is False
        assert ("mode" in options) == (device == "cuda")
        assert "mode" not in compile_options(mock.Mock(type=device), None)  # a model's outputs are the script's to keep
    assert compile_options(torch.device("cpu"), "eager")["backend"] == "eager"


def test_setup_keeps_the_order_and_refuses_strangers():
    runtime = Runtime("cpu")
    loader = DataLoader(TensorDataset(torch.zeros(4, 1)))
    model, feed = runtime.setup(nn.Linear(1, 1), loader)
    assert isinstance(model, nn.Linear)
    assert feed.dataset is loader.dataset
    with pytest.raises(TypeError, match="not str"):
        runtime.setup("model")


@pytest.mark.parametrize("words", [{"precision": "bf61"}, {"on_recompilation": "eror"}])
def test_a_word_that_means_nothing_is_refused(words):
    (name, value), *_ = words.items()
    with pytest.raises(ValueError, match=f"{name} is '{value}'; it is one of "):
        Runtime("cpu", **words)


def test_an_optimizer_made_before_setup_follows_replaced_parameters():
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    runtime = Runtime("cpu")
    runtime.device = torch.device("meta")  # moving there makes new parameters, as moving to a TPU does
    _, optimizer = runtime.setup(model, optimizer)
    assert [p.device.type for group in optimizer.param_groups for p in group["params"]] == ["meta", "meta"]


@pytest.mark.slow
@pytest.mark.timeout(900)  # 203 steps of a convolutional network, emulated
def test_emulated_student_trains_and_moves_between_devices(tmp_path):
    try:
        emulated = environment()
    except MissingExtraError as error:
        pytest.skip(str(error))
    cpu = {"APUS_DEVICE": "cpu", "TORCH_DEVICE_BACKEND_AUTOLOAD": "0"}

    def images(steps, where, *folder):
        return json.loads(run("images.py", "student", steps, 64, *folder, environment=where).splitlines()[-1])

    expected, there = images(50, cpu), images(50, emulated, tmp_path)
    assert there["losses"] == pytest.approx(expected["losses"], abs=1e-3)
    assert there["right"] == pytest.approx(expected["right"], abs=2)  # of 1000, by running statistics
    here = images(50, cpu, tmp_path)  # nothing left to train: the same weights and statistics, judged on the CPU
    assert here["losses"] == {}
    assert here["right"] == there["right"]
    assert here["loss"] == pytest.approx(there["loss"], abs=1e-5)
    assert images(51, cpu)["losses"]["50"] == pytest.approx(images(51, emulated, tmp_path)["losses"]["50"], abs=1e-3)
