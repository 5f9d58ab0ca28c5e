import pytest
import torch

from apus.errors import DataError
from apus.training.padding import Padding


def test_rows_are_copies_and_their_targets_do_not_count():
    x, y = Padding(rows=5)((torch.tensor([[1.0], [2.0]]), torch.tensor([3, 4])))
    assert x.flatten().tolist() == [1, 2, 1, 2, 1]
    assert y.tolist() == [3, 4, -100, -100, -100]
    logits = torch.randn(5, 9)
    assert torch.equal(
        torch.nn.functional.cross_entropy(logits, y), torch.nn.functional.cross_entropy(logits[:2], y[:2])
    )


def test_lengths_go_up_to_the_next_bucket():
    batch = {"input_ids": torch.ones(2, 5, dtype=torch.int64), "labels": torch.ones(2, 5, dtype=torch.int64), "n": 7}
    padded = Padding(lengths=(16, 8))(batch)
    assert padded["input_ids"].tolist() == [[1] * 5 + [0] * 3] * 2
    assert padded["labels"].tolist() == [[1] * 5 + [-100] * 3] * 2
    assert padded["n"] == 7


def test_a_length_beyond_all_buckets_is_refused():
    with pytest.raises(DataError, match="length 9 fits no bucket of \\[4, 8\\]"):
        Padding(lengths=(8, 4))((torch.zeros(1, 9), torch.zeros(1)))


def test_targets_that_cannot_be_ignored_leave_the_batch_or_are_refused():
    batch = (torch.zeros(2, 3), torch.zeros(2))
    assert len(Padding(rows=4)(batch)[0]) == 2
    with pytest.raises(DataError, match="drop_last"):
        Padding(rows=4, strict=True)(batch)


def test_named_targets():
    x, y = Padding(rows=3, targets=(0,))((torch.tensor([1]), torch.tensor([2.5])))
    assert x.tolist() == [1, -100, -100]
    assert y.tolist() == [2.5, 2.5, 2.5]


def test_a_batch_larger_than_was_asked_for_is_refused():
    with pytest.raises(DataError, match="4 rows is larger than pad_to=2"):
        Padding(rows=2, strict=True)((torch.zeros(4, 1), torch.zeros(4, dtype=torch.int64)))
