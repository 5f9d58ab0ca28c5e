import math

import pytest
import torch
from torch import nn

from apus.techniques import sparsity


def test_cosine_is_the_formula():
    for step in range(12):
        wanted = 0.3 / 2 * (1 + math.cos(step * math.pi / 10)) if step < 10 else 0.0
        assert sparsity.cosine(step, end=10) == pytest.approx(wanted)


def test_exchange_by_hand():
    alive = torch.tensor([True, True, True, False, False])
    magnitude, gradient = torch.tensor([3.0, 1.0, 2.0, 0.0, 0.0]), torch.tensor([9.0, 1.0, 9.0, 2.0, 3.0])
    assert sparsity.exchange(alive, magnitude, gradient, 0.34).tolist() == [True, False, True, False, True]
    assert sparsity.exchange(alive, magnitude, gradient, 1.0).tolist() == [True, False, True, False, True]
    assert torch.equal(sparsity.exchange(alive, magnitude, gradient, 0.0), alive)


@pytest.mark.parametrize(("structure", "balance"), [("16x1", True), ("16x4", False), ("unstructured", False)])
def test_regrowth_keeps_sparsity_and_balance_and_starts_from_zero(structure, balance):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
    masks = sparsity.Masks(model, structure, balance=balance)
    masks.update(0.8)
    before = {name: masks.alive(name) for name in masks.layers}
    was_dead = {name: ~kept for name, kept in masks.kept.items()}
    model(torch.randn(32, 64)).square().mean().backward()
    sparsity.regrow(masks, 0.3)
    for name, layer in masks.layers.items():
        now = masks.alive(name)
        assert now.sum() == before[name].sum()
        assert (now & ~before[name]).any()
        assert not layer.weight[~masks.kept[name]].any()
        assert not layer.weight[was_dead[name]].any()
        if balance:
            assert sparsity.imbalance(now, 8 if name == "0" else 4) == 0.0


def test_regrowth_finds_the_inputs_that_matter():
    """A layer pruned to the wrong half of its inputs moves to the right one and solves the task."""
    torch.manual_seed(0)
    layer = nn.Linear(16, 16, bias=False)
    truth = torch.randn(16, 8)
    with torch.no_grad():
        layer.weight.copy_(torch.cat([torch.full((16, 8), 1e-3), torch.full((16, 8), 0.1)], 1))
    masks = sparsity.Masks(nn.Sequential(layer))
    masks.update(0.5)
    optimizer, losses = torch.optim.SGD(layer.parameters(), 0.5), []
    for step in range(300):
        x = torch.randn(64, 16)
        loss = (layer(x) - x[:, :8] @ truth.T).square().mean()
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if step % 10 == 0:
            sparsity.regrow(masks, sparsity.cosine(step, end=200))
        optimizer.step()
        masks.apply()
    assert masks.alive("0")[0, 0, :8].all()
    assert losses[-1] < 0.05 * losses[0]


def test_regrowth_without_gradient_is_an_error():
    masks = sparsity.Masks(nn.Sequential(nn.Linear(16, 16)))
    with pytest.raises(ValueError, match="0: no gradient"):
        sparsity.regrow(masks, 0.1)
