import random

import numpy as np
import pytest
import torch

from apus.errors import DataError
from apus.training import checkpoint


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "a" / "checkpoint.pt"
    assert checkpoint.load(path) is None
    checkpoint.save(path, {"w": torch.arange(3), "place": {"step": 4, "history": [{"loss": 0.5}]}})
    state = checkpoint.load(path)
    assert state["w"].tolist() == [0, 1, 2]
    assert state["place"] == {"step": 4, "history": [{"loss": 0.5}]}
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_damaged_file_says_what_to_do(tmp_path):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"w": torch.arange(3000)})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="delete it"):
        checkpoint.load(path)


def test_every_generator_goes_on_where_it_was(tmp_path):
    def draw():
        return torch.rand(3).tolist(), random.random(), np.random.rand(2).tolist()  # noqa: NPY002

    checkpoint.seed_all(5)
    draw()
    checkpoint.save(tmp_path / "c", checkpoint.random_state())
    wanted = draw()
    checkpoint.seed_all(6)
    checkpoint.restore_random_state(checkpoint.load(tmp_path / "c"))
    assert draw() == wanted


def test_the_generator_of_a_cuda_device_is_kept_where_there_is_one(monkeypatch):
    put_back = []
    assert checkpoint.random_state()["cuda"] is None or torch.cuda.is_initialized()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: torch.arange(3))
    monkeypatch.setattr(torch.cuda, "set_rng_state", put_back.append)
    state = checkpoint.random_state()
    checkpoint.restore_random_state(state)
    assert [one.tolist() for one in put_back] == [[0, 1, 2]]
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)  # goes on without the device
    checkpoint.restore_random_state(state)
    del state["cuda"]  # written by an earlier version
    checkpoint.restore_random_state(state)
    assert len(put_back) == 1
