import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from apus.techniques import sparsity


@given(st.integers(1, 40), st.integers(1, 8))
def test_partitions_are_the_formula(strips, count):
    count = min(count, strips)
    for number, cut in enumerate(sparsity.partitions(strips, count)):
        assert all(i * count // strips == number for i in range(cut.start, cut.stop))
    assert sum(cut.stop - cut.start for cut in sparsity.partitions(strips, count)) == strips


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.floats(0, 1))
def test_quotas_reach_the_total_with_less_than_a_block_each_above(capacities, share):
    total = round(share * sum(capacities))
    given_out = sparsity.quotas(capacities, total)
    assert all(got <= capacity for got, capacity in zip(given_out, capacities, strict=True))
    assert total <= sum(given_out) < total + len(capacities)
    level = max(given_out)
    assert all(got in (level, capacity) for got, capacity in zip(given_out, capacities, strict=True))


def uneven():
    """A layer whose magnitudes lie almost all in its last rows: free pruning leaves the first cores idle."""
    torch.manual_seed(0)
    layer = nn.Linear(64, 256)
    with torch.no_grad():
        layer.weight.mul_(torch.linspace(0.1, 3, 256)[:, None])
    return nn.Sequential(layer)


def test_unbalanced_pruning_is_far_off():
    masks = sparsity.Masks(uneven())
    masks.update(0.8)
    assert sparsity.describe(masks)[0]["imbalance"]["8"] > 1


@pytest.mark.parametrize("structure", ["16x1", "16x4"])
@pytest.mark.parametrize("target", ["layer", "global"])
def test_balance_holds_at_every_sparsity_and_partition(structure, target):
    model = nn.Sequential(uneven(), nn.Conv2d(16, 9 * 16, 3))
    masks = sparsity.Masks(model, structure, balance=True, target=target)
    for share in (0.3, 0.6, 0.8, 0.9):
        masks.update(share)
        for row in sparsity.describe(masks):
            assert set(row["imbalance"]) == {"2", "4", "8"}
        assert max(sparsity.describe(masks)[0]["imbalance"].values()) <= 0.02


def test_balance_keeps_the_share_and_the_largest_of_each_partition():
    scores = torch.rand(1, 16, 50)
    kept = sparsity.keep_balanced(scores, 0.8)
    assert kept.float().mean().item() == pytest.approx(0.2)
    for part, alive in zip(scores[0].split(2), kept[0].split(2), strict=True):
        assert part[alive].min() > part[~alive].max()
    assert sparsity.keep_balanced(scores, 0.0).all()


def test_a_layer_of_few_strips_is_balanced_over_fewer_partitions():
    masks = sparsity.Masks(nn.Sequential(nn.Linear(50, 40)), balance=True)
    masks.update(0.8)
    assert sparsity.describe(masks)[0]["imbalance"] == {"2": 0.0}


def test_imbalance_of_nothing_is_none():
    assert sparsity.imbalance(torch.zeros(1, 4, 3, dtype=torch.bool), 4) == 0.0
    assert sparsity.imbalance(torch.tensor([[[True], [False], [True], [True]]]), 2) == pytest.approx(1 / 3)


def test_balance_without_blocks_is_refused():
    with pytest.raises(ValueError, match="balance counts blocks"):
        sparsity.Masks(nn.Sequential(nn.Linear(16, 16)), "unstructured", balance=True)
