"""Order, shards and batch limits."""

from itertools import pairwise

import pytest

from apus.data.order import limits, permutation, rng, shard_size, steps_of


def test_the_order_never_changes_with_versions() -> None:
    assert permutation(7, 1, 8).tolist() == [3, 1, 6, 2, 5, 4, 0, 7]


def test_random_numbers_are_addressed_by_place() -> None:
    places = [(0, 0, 0, 0, 0), (1, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 1, 0), (0, 0, 0, 0, 1)]
    assert len({rng(*place).random() for place in places}) == 6
    assert rng(1, 2, 3, 4, 5).random() == rng(1, 2, 3, 4, 5).random()


@pytest.mark.parametrize("count", [1, 7, 64, 65, 130])
@pytest.mark.parametrize("world", [1, 2, 4])
@pytest.mark.parametrize("batch", [1, 5, 16])
def test_ranks_cover_all_in_equal_steps(count: int, world: int, batch: int) -> None:
    sizes = [shard_size(count, rank, world) for rank in range(world)]
    assert sum(sizes) == count
    steps = steps_of(sizes, batch, whole=False)
    for size in sizes:
        cuts = [limits(step, size, batch, steps) for step in range(steps)]
        assert cuts[0][0] == 0 and cuts[-1][1] == size
        assert all(a[1] == b[0] for a, b in pairwise(cuts))
        assert all(0 <= past - first <= batch for first, past in cuts)
        if size >= steps:
            assert all(past > first for first, past in cuts)
    assert steps_of(sizes, batch, whole=True) == min(sizes) // batch
