import math

import pytest
import torch
from torch import nn

from apus.models.lenet5 import LeNet5
from apus.models.vgg7 import VGG7
from apus.techniques import bayesian_bits as bb

GRAY, COLOUR = torch.rand(2, 1, 28, 28), torch.rand(1, 3, 32, 32)


@pytest.mark.parametrize(
    ("model", "x", "total"), [(LeNet5, GRAY, 4_267_008), (VGG7, COLOUR, 615_917_568)], ids=["lenet5", "vgg7"]
)
def test_multiply_accumulates(model, x, total):
    assert sum(bb.macs(model(), x).values()) == total


@pytest.mark.parametrize(
    ("model", "x", "rows"),
    [(LeNet5, GRAY, {8: 6.25, 4: 1.731, 2: 0.517}), (VGG7, COLOUR, {8: 6.25, 4: 1.571, 2: 0.397})],
    ids=["lenet5", "vgg7"],
)
def test_uniform_widths(model, x, rows):
    net = model()
    got = {bits: bb.relative_bops(bb.uniform(net, x, bits, bits)) for bits in rows}
    assert {bits: round(value, 3) for bits, value in got.items()} == rows


@pytest.mark.parametrize(("bits", "wanted"), [(8, 6.25), (4, 1.731), (2, 0.517)])
def test_a_prepared_network_at_one_width_costs_the_same(bits, wanted):
    model = bb.prepare(LeNet5(), GRAY, weights=bb.fixed(bits), inputs=bb.fixed(bits), prune=None)
    assert round(bb.relative_bops(bb.learned(model, GRAY)), 3) == wanted


def shut(layer, share):
    with torch.no_grad():
        layer.keep.phi[: int(share * layer.keep.phi.numel())] = -math.inf


def test_pruning_is_credited_to_both_sides_through_pooling_and_flattening():
    model = bb.prepare(LeNet5(), GRAY)
    layers = list(bb.bit_layers(model).values())
    shut(layers[0], 0.5)
    shut(layers[1], 0.25)
    alive = [row.alive for row in bb.learned(model, GRAY).values()]
    assert alive == pytest.approx([0.5, 0.5 * 0.75, 0.75, 1.0])


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.grouped = nn.Conv1d(2, 4, 1), nn.Conv1d(2, 4, 1), nn.Conv1d(8, 8, 1, groups=2)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 2)

    def forward(self, x):
        y = torch.cat([self.a(x), self.a(x) + self.b(x)], 1)
        return self.head(self.norm(self.grouped(y).mean(2)))


def test_pruning_through_additions_concatenations_groups_and_not_through_a_norm():
    x = torch.rand(3, 2, 5)
    model = bb.prepare(Branches(), x)
    for name in ("a", "b", "grouped"):
        shut(model.get_submodule(name), 0.5)
    rows = bb.learned(model, x)
    # a feeds the first group: half its inputs; a + b the second: the same half; the grouped layer prunes one group
    assert rows["grouped"].alive == pytest.approx((0.5 * 0 + 0.5 * 1) / 2)
    assert rows["head"].alive == 1.0
    assert rows["a"].macs == 2 * 5 * 4 * 2


def test_nothing_that_multiplies_is_an_error():
    with pytest.raises(ValueError, match="no layer multiplies"):
        bb.relative_bops({})
