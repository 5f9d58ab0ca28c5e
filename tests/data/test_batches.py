import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from apus.data import ArrayBatches, Arrays, Augment, LoaderBatches
from apus.errors import DataError

DATA = Arrays(np.random.default_rng(0).integers(0, 256, (50, 1, 8, 8), np.uint8), np.arange(50))


def labels(batches, epoch, start=0):
    return [y.tolist() for _, y in batches.epoch(epoch, start)]


def test_any_position_can_be_made_again():
    batches = ArrayBatches(DATA, 8, seed=3, augment=Augment(shift=2, flip=True, erase=3))
    whole = list(batches.epoch(4))
    for start in range(len(batches)):
        for (x, y), (again_x, again_y) in zip(whole[start:], batches.epoch(4, start), strict=True):
            assert torch.equal(x, again_x)
            assert torch.equal(y, again_y)


def test_order_depends_on_seed_and_epoch():
    batches = ArrayBatches(DATA, 10, seed=3)
    assert labels(batches, 0) != labels(batches, 1)
    assert labels(batches, 0) != labels(ArrayBatches(DATA, 10, seed=4), 0)
    assert sorted(label for part in labels(batches, 0) for label in part) == list(range(50))


def test_whole_leaves_the_last_small_batch_out():
    assert [len(y) for y in labels(ArrayBatches(DATA, 8), 0)] == [8] * 6
    assert [len(y) for y in labels(ArrayBatches(DATA, 8, shuffle=False, whole=False), 0)] == [8] * 6 + [2]


def test_bytes_are_read_as_0_to_1():
    x, _ = next(ArrayBatches(DATA, 50, shuffle=False).epoch(0))
    assert x.dtype == torch.float32
    assert torch.allclose(x, torch.from_numpy(DATA.x) / 255)


def test_no_batch_is_an_error():
    with pytest.raises(DataError, match="make no batch of 51"):
        ArrayBatches(DATA, 51)


@pytest.mark.parametrize("own_generator", [False, True])
def test_a_users_loader_resumes_at_any_position(own_generator):
    generator = torch.Generator() if own_generator else None
    data = TensorDataset(torch.rand(20, 3), torch.arange(20))
    batches = LoaderBatches(DataLoader(data, 4, shuffle=True, generator=generator), seed=7)
    whole = labels(batches, 2)
    assert labels(batches, 2, 3) == whole[3:]
    assert labels(batches, 1) != whole


def test_a_loader_without_length_is_refused():
    with pytest.raises(DataError, match="no length"):
        LoaderBatches(iter([]))
