"""Two gloo ranks against one process, on ragged batches; one launch each, many answers."""

import json

import pytest
import torch
from launch import run
from torch import nn

from apus.training.distributed import Ranks, part_of, rows_of, weigh_by_rows, whole


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return answers(tmp_path_factory.mktemp("one") / "out.json", ranks=1)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return answers(tmp_path_factory.mktemp("two") / "out.json", ranks=2)


def answers(path, ranks):
    run("ranks.py", path, ranks=ranks)
    return json.loads(path.read_text())


def difference(one, two):
    assert one["weights"].keys() == two["weights"].keys()
    pairs = [(torch.tensor(one["weights"][name]), torch.tensor(two["weights"][name])) for name in one["weights"]]
    return max(float((a - b).abs().max()) for a, b in pairs)


@pytest.mark.parametrize("way", ["plain", "accumulate", "sharded"])
def test_two_ranks_train_as_one(one, two, way):
    assert difference(one["plain"], two[way]) < 1e-5
    first, second = two[way]["digests"]
    assert first == second


def test_fsdp_shards_and_equals_ddp(two):
    assert two["sharded"]["kinds"] == ["DTensor"]
    assert two["plain"]["kinds"] == ["Tensor"]
    assert difference(two["plain"], two["sharded"]) < 1e-5


def test_training_splits_rows_and_evaluation_does_not(two):
    assert two["rows"] == [[2, 2, 1], [1, 1, 1]]
    assert two["rows_without_gradients"] == [[3, 3, 1]] * 2
    assert two["mean"] == 0.5


def test_one_process_needs_no_group():
    ranks = Ranks(torch.device("cpu"))
    assert ranks.gather("x") == ["x"]
    assert float(ranks.mean(torch.tensor(2.0))) == 2
    ranks.barrier()


@pytest.mark.parametrize("total", [1, 2, 7, 64])
@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_parts_are_disjoint_complete_and_weigh_one_a_row(total, world):
    batch = list(range(total))
    assert [i for rank in range(world) for i in batch[rows_of(rank, world, total)]] == batch
    parts = [part_of(batch, rank, world) for rank in range(world)]
    assert all(own for own, _ in parts)
    assert sum(weight for _, weight in parts) == pytest.approx(world)


def test_a_ranks_gradient_is_weighed():
    model, share = nn.Linear(2, 1), torch.tensor(0.5)
    x = torch.randn(3, 2)
    model(x).sum().backward()
    full, model.weight.grad = model.weight.grad, None
    weigh_by_rows(model, share)
    model(x).sum().backward()
    assert torch.equal(model.weight.grad, full / 2)


def test_a_whole_copy_shares_nothing():
    value = torch.zeros(3)
    copy = whole(value)
    value += 1
    assert copy.tolist() == [0, 0, 0]
