"""A loader's stages, from a few examples."""

import threading
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from apus.data import probe as probing
from apus.data import workers as working
from apus.data.pipeline import Pipeline
from apus.data.probe import Parts, probe


class Clock(threading.local):
    """Time that passes in `naps` alone, in each thread its own: figures are exact on any machine."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def naps(self, seconds: float) -> Any:
        """A function that returns what it gets, so many seconds later."""

        def nap(x: Any) -> Any:
            self.now += seconds
            return x

        return nap


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(probing, "perf_counter", clock)
    monkeypatch.setattr(probing, "thread_time", lambda: 0.25 * clock.now)
    monkeypatch.setattr(working, "perf_counter", clock)
    return clock


class Images(Dataset[Any]):
    def __init__(self, clock: Clock) -> None:
        self.loader, self.transform, self.read = clock.naps(0.004), clock.naps(0.002), clock.naps(0.001)

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.loader(self.read(torch.zeros(250))))


def test_known_parts_are_told_apart_and_scaled_to_the_loader(clock: Clock) -> None:
    parts = probe(DataLoader(Images(clock), 4), torch.zeros(4, 250), load=0.07)
    expected = {"read": 0.01, "decode": 0.04, "augment": 0.02, "collate": 0.0}
    assert parts.stages == pytest.approx(expected) and list(parts.stages) == list(expected)
    assert parts.echoable == ["read", "decode"] and parts.cache_bytes == 1000 * 1000
    assert parts.cpu_share == pytest.approx(0.25)


def test_what_cannot_be_looked_into_is_one_stage(clock: Clock) -> None:
    assert probe(iter([]), None, 0.5).stages == {"the loader": 0.5}

    class Broken(Images):
        def __getitem__(self, index: int) -> Any:
            raise OSError

    assert probe(DataLoader(Broken(clock), 4), torch.zeros(4, 1), 0.5).stages == {"the loader": 0.5}


def test_a_pipeline_counts_its_own_stages(clock: Clock) -> None:
    pipe = Pipeline(range(64)).read(clock.naps(0.002), workers=2).augment(clock.naps(0.001)).batch(4)
    sample = list(pipe)[-1]
    parts = Parts.of_pipeline(pipe, sample)
    assert parts.stages["read"] == pytest.approx(4 * 0.002 / 2)
    assert parts.stages["augment"] == pytest.approx(4 * 0.001)  # one worker of its own
    assert "read" in parts.echoable and "augment" not in parts.echoable and parts.workers == 2
