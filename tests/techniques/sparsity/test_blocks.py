import pytest
import torch
from torch import nn

from apus.techniques import sparsity
from apus.techniques.sparsity.blocks import BLOCK


def test_a_16x4_score_is_the_mean_over_what_the_block_has():
    weight = torch.randn(20, 6)
    scores = sparsity.block_scores(weight, width=4)
    assert scores.shape == (1, 2, 2)
    wanted = [[weight[r, c].abs().mean() for c in (slice(4), slice(4, 6))] for r in (slice(16), slice(16, 20))]
    assert torch.allclose(scores[0], torch.tensor(wanted))


def test_sizes_add_up_to_the_weights():
    weight = torch.zeros(40, 3, 3, 3)
    for groups, width in ((1, 1), (1, 4), (2, 4)):
        assert groups * sparsity.block_sizes(weight, groups, width).sum() == weight.numel()


@pytest.mark.parametrize("layer", [nn.Linear(37, 40), nn.Conv2d(8, 32, 3), nn.Conv2d(64, 64, 1, groups=2)])
def test_16x4_zeros_whole_blocks(layer):
    masks = sparsity.Masks(nn.Sequential(layer), "16x4")
    masks.update(0.75)
    rows = layer.weight.detach().reshape(getattr(layer, "groups", 1), -1, layer.weight[0].numel())
    for strip in (s for group in rows for s in group.split(16)):
        for block in strip.split(4, 1):
            assert (block != 0).all() or not block.any()
    assert masks.kept["0"].float().mean().item() == pytest.approx(0.25, abs=BLOCK * 4 / layer.weight.numel())


def test_keep_top_gives_ties_to_the_lower_index():
    assert sparsity.keep_top(torch.tensor([1.0, 2.0, 1.0, 2.0]), 3).tolist() == [True, True, False, True]
    assert not sparsity.keep_top(torch.ones(3), 0).any()
