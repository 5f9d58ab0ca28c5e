"""Copies on a stream of their own, on a stand-in for CUDA that notes what is asked of it, and in which order."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from apus.training.copying import Copier


@pytest.fixture
def asked(monkeypatch):
    """The calls that a Copier makes."""
    asked = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def record_event(self):
            asked.append(f"{self.name} records")
            return "copied"

        def wait_event(self, event):
            asked.append(f"{self.name} waits for {event}")

    @contextmanager
    def on(stream):
        asked.append(f"on {stream.name}")
        yield
        asked.append(f"off {stream.name}")

    def to(tensor, device, non_blocking):
        asked.append(f"copy {tuple(tensor.shape)}{' without waiting' if non_blocking else ''}")
        return tensor

    def pin(tensor):
        asked.append("pin")
        return tensor

    cuda = SimpleNamespace(
        Stream=lambda device: Stream("side"),
        stream=on,
        current_stream=lambda device: Stream("main"),
        set_device=lambda device: asked.append(f"device {device}"),
    )
    monkeypatch.setattr("apus.training.copying.torch.cuda", cuda)
    monkeypatch.setattr(Tensor, "to", to)
    monkeypatch.setattr(Tensor, "pin_memory", pin)
    monkeypatch.setattr(Tensor, "record_stream", lambda t, stream: asked.append(f"used on {stream.name}"))
    return asked


def test_a_copy_is_pinned_runs_beside_and_is_waited_for(asked):
    copier = Copier(torch.device("cuda", 1))
    sent = copier.send((torch.zeros(2, 3), {"labels": torch.zeros(2), "name": "x"}))
    copy = ["pin", "copy (2, 3) without waiting", "pin", "copy (2,) without waiting"]
    assert asked == ["device cuda:1", "on side", *copy, "side records", "off side"]
    asked.clear()
    batch, rest = copier.receive(sent)
    assert (batch.shape, rest["name"]) == ((2, 3), "x")
    assert asked == ["main waits for copied", "used on main", "used on main"]


def test_elsewhere_it_only_copies():
    copier, batch = Copier(torch.device("cpu")), [torch.ones(2), 3]
    there, event = copier.send(batch)
    assert event is None
    assert there[0] is batch[0]
    assert copier.receive((there, event)) == [batch[0], 3]
