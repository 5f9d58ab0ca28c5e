import pytest
import torch
from torch import nn

from apus.techniques import sparsity


def network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 64), nn.Linear(64, 40))
    with torch.no_grad():
        model[0].weight.mul_(torch.linspace(0, 1.2, 64))
    return model


@pytest.mark.parametrize("structure", sparsity.STRUCTURES)
def test_global_keeps_the_largest_of_all_layers(structure):
    model = network()
    masks = sparsity.Masks(model, structure, target="global")
    scores = {name: masks.scores(name, layer.weight) for name, layer in masks.layers.items()}
    masks.update(0.7)
    alive = torch.cat([scores[name][masks.alive(name)].sort().values[:-1] for name in scores])  # the best always stays
    dead = torch.cat([scores[name][~masks.alive(name)] for name in scores])
    assert alive.min() >= dead.max()
    kept, total = (sum(int(k.sum()) for k in masks.kept.values()), sum(k.numel() for k in masks.kept.values()))
    assert 0.3 <= kept / total < 0.32
    assert next(row["density"] for row in sparsity.describe(masks)) < 0.28


def test_no_layer_falls_silent():
    model = network()
    masks = sparsity.Masks(model, target="global")
    masks.update(1.0)
    assert all(masks.alive(name).sum() == 1 for name in masks.layers)


def test_levels_have_no_meaning_globally():
    with pytest.raises(ValueError, match="levels are relative"):
        sparsity.Masks(network(), target="global", levels={"0": 0.5})
    with pytest.raises(ValueError, match="layer, global"):
        sparsity.Masks(network(), target="gates")
