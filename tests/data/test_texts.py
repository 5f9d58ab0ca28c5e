import numpy as np
import pytest

from apus.data.texts import POOL, TextBatches, Texts
from apus.errors import DataError


def texts(count=1000, length=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 99, (count, length))
    x[np.arange(length) >= rng.integers(1, length + 1, count)[:, None]] = 0
    return Texts(x, np.arange(count))


def test_every_text_is_read_once_and_whole():
    data, seen = texts(), []
    for x, y in TextBatches(data, 8).epoch(0):
        seen += y.tolist()
        assert x.any(0).all()  # no column of filling alone
        assert np.array_equal(x.numpy(), data.x[y.numpy(), : x.shape[1]])
        assert not data.x[y.numpy(), x.shape[1] :].any()
    assert sorted(seen) == list(range(1000))


def test_texts_of_like_length_go_together():
    data = texts()
    batches = list(TextBatches(data, 8).epoch(0))
    computed, real = sum(x.numel() for x, _ in batches), int((data.x != 0).sum())
    assert real <= computed < 1.1 * real
    lengths = [x.shape[1] for x, _ in batches[:POOL]]
    assert lengths != sorted(lengths)


def test_any_batch_is_made_again_from_its_place():
    batches = TextBatches(texts(), 8, seed=3)
    whole, rest = list(batches.epoch(2)), list(batches.epoch(2, 50))
    assert len(whole) == len(batches) == 125
    assert all((a == b).all() for (a, _), (b, _) in zip(whole[50:], rest, strict=True))
    assert [y.tolist() for _, y in batches.epoch(1)] != [y.tolist() for _, y in whole]
    assert [y.tolist() for _, y in TextBatches(texts(), 8, seed=4).epoch(2)] != [y.tolist() for _, y in whole]


def test_what_is_too_few_is_left_out_at_random():
    data = texts(20)
    left = [set(range(20)) - {i for _, y in TextBatches(data, 8).epoch(e) for i in y.tolist()} for e in range(4)]
    assert all(len(each) == 4 for each in left)
    assert len(set(map(frozenset, left))) > 1
    with pytest.raises(DataError, match="smaller batch"):
        TextBatches(data, 21)


def test_shapes_are_few_where_they_shall_be():
    widths = {x.shape[1] for x, _ in TextBatches(texts(), 8, multiple=8).epoch(0)}
    assert widths <= {8, 16, 20}


def test_a_part_stays_text():
    part = texts()[10:20]
    assert isinstance(part, Texts)
    assert len(part) == 10
    assert Texts(np.array([[5, 0, 6, 0], [1, 2, 3, 4]]), np.zeros(2)).lengths().tolist() == [3, 4]
