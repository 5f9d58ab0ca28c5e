"""A loader's stages, from a few examples."""

import time
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from apus.data.pipeline import Pipeline
from apus.data.probe import Parts, probe


class Naps:
    """Sleeps where it is called, and knows for how long: machines oversleep."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.slept = seconds, [0.0]

    def __call__(self, x: Any) -> Any:
        began = time.perf_counter()
        time.sleep(self.seconds)
        self.slept.append(time.perf_counter() - began)
        return x

    def __deepcopy__(self, memo: Any) -> "Naps":
        return self


class Images(Dataset[Any]):
    def __init__(self) -> None:
        self.loader, self.transform = Naps(0.004), Naps(0.002)

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.loader(torch.zeros(250)))


def test_known_parts_are_told_apart_and_scaled_to_the_loader() -> None:
    images = Images()
    parts = probe(DataLoader(images, 4), torch.zeros(4, 250), load=0.06)
    assert sum(parts.stages.values()) == pytest.approx(0.06)
    ratio = sum(images.loader.slept) / sum(images.transform.slept)
    assert parts.stages["decode"] == pytest.approx(ratio * parts.stages["augment"], rel=0.2)
    assert parts.echoable == ["read", "decode"] and parts.cache_bytes == 1000 * 1000
    assert parts.cpu_share < 0.5


def test_what_cannot_be_looked_into_is_one_stage() -> None:
    assert probe(iter([]), None, 0.5).stages == {"the loader": 0.5}

    class Broken(Images):
        def __getitem__(self, index: int) -> Any:
            raise OSError

    assert probe(DataLoader(Broken(), 4), torch.zeros(4, 1), 0.5).stages == {"the loader": 0.5}


def test_a_pipeline_counts_its_own_stages() -> None:
    nap = Naps(0.002)
    pipe = Pipeline(range(64)).read(nap, workers=2).augment(abs).batch(4)
    sample = list(pipe)[-1]
    parts = Parts.of_pipeline(pipe, sample)
    assert parts.stages["read"] == pytest.approx(4 * sum(nap.slept) / 64 / 2, rel=0.2)
    assert "read" in parts.echoable and "augment" not in parts.echoable and parts.workers == 2
