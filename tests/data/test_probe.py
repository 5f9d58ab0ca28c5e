"""A loader's stages, from a few examples."""

import time
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from apus.data.pipeline import Pipeline
from apus.data.probe import Parts, probe


class Images(Dataset[Any]):
    def __init__(self) -> None:
        self.loader = lambda x: time.sleep(0.004) or x
        self.transform = lambda x: time.sleep(0.002) or x

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.loader(torch.zeros(250)))


def test_known_parts_are_told_apart_and_scaled_to_the_loader() -> None:
    loader = DataLoader(Images(), 4)
    parts = probe(loader, torch.zeros(4, 250), load=0.06)
    assert sum(parts.stages.values()) == pytest.approx(0.06)
    assert parts.stages["decode"] == pytest.approx(2 * parts.stages["augment"], rel=0.4)
    assert parts.echoable == ["read", "decode"] and parts.cache_bytes == 1000 * 1000
    assert parts.cpu_share < 0.5


def test_what_cannot_be_looked_into_is_one_stage() -> None:
    assert probe(iter([]), None, 0.5).stages == {"the loader": 0.5}

    class Broken(Images):
        def __getitem__(self, index: int) -> Any:
            raise OSError

    assert probe(DataLoader(Broken(), 4), torch.zeros(4, 1), 0.5).stages == {"the loader": 0.5}


def test_a_pipeline_counts_its_own_stages() -> None:
    pipe = Pipeline(range(64)).read(lambda key: time.sleep(0.002) or key, workers=2).augment(abs).batch(4)
    sample = list(pipe)[-1]
    parts = Parts.of_pipeline(pipe, sample)
    assert parts.stages["read"] == pytest.approx(4 * 0.002 / 2, rel=0.6)
    assert "read" in parts.echoable and "augment" not in parts.echoable and parts.workers == 2
