import math

import pytest
import torch
from torch import nn

from apus.errors import NothingMatchedError
from apus.models.lenet5 import LeNet5
from apus.techniques import bayesian_bits as bb
from apus.techniques.bayesian_bits.gates import Gates

GRAY = torch.rand(4, 1, 28, 28)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.mix = nn.Embedding(50, 8), nn.Conv1d(8, 16, 3)
        self.attend, self.head = nn.MultiheadAttention(16, 2, batch_first=True), nn.Linear(16, 3)

    def forward(self, tokens):
        x = self.mix(self.embed(tokens).transpose(1, 2)).transpose(1, 2)
        return self.head(self.attend(x, x, x)[0].mean(1))


TOKENS = torch.randint(0, 50, (2, 9), generator=torch.Generator().manual_seed(0))


def test_the_model_given_is_not_changed():
    model = LeNet5()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    bb.prepare(model, GRAY)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(isinstance(m, bb.BitLayer) for m in model.modules())


def test_the_default_is_the_paper():
    rows = bb.describe(bb.prepare(LeNet5(), GRAY))
    assert [row["weight_bits"] for row in rows] == [8, 8, 8, 8]
    assert [row["kept"] for row in rows] == [32, 64, 512, 10]
    layers = list(bb.bit_layers(bb.prepare(LeNet5(), GRAY)).values())
    assert [layer.keep is None for layer in layers] == [False, False, False, True]
    assert not layers[0].input_bits.gates.phi.requires_grad and layers[1].input_bits.gates.phi.requires_grad


def test_float_options_leave_the_function():
    torch.manual_seed(0)
    model = LeNet5().eval()
    ready = bb.prepare(model, GRAY, weights=None, inputs=None, prune=None, skip=["head"]).eval()
    torch.testing.assert_close(ready(GRAY), model(GRAY))


def test_8_bits_stay_near():
    torch.manual_seed(0)
    model = LeNet5().eval()
    ready = bb.prepare(model, GRAY, weights=bb.fixed(8, per_channel=True), inputs=bb.fixed(8)).eval()
    torch.testing.assert_close(ready(GRAY), model(GRAY), rtol=0, atol=0.01)


def test_prune_only_and_quantise_only():
    pruning = bb.prepare(LeNet5(), GRAY, weights=bb.fixed(8), inputs=bb.fixed(8))
    assert {n for n, p in pruning.named_parameters() if p.requires_grad and "phi" in n} == {
        f"features.{i}.keep.phi" for i in (0, 3, 7)
    }
    quantising = bb.prepare(LeNet5(), GRAY, prune=None)
    assert not any("keep" in n for n, _ in quantising.named_parameters())


def test_skipped_layers_stay_as_they_are():
    model = bb.prepare(LeNet5(), GRAY, skip=["features.*"])
    assert list(bb.bit_layers(model)) == ["head"]


@pytest.mark.parametrize("options", [{"skip": ["stem"]}, {"unpruned": ["stem"]}, {"costs": {"stem": 1.0}}])
def test_a_pattern_that_matches_nothing_is_an_error(options):
    with pytest.raises(NothingMatchedError, match="'stem' matches no layer; there are features"):
        bb.prepare(LeNet5(), GRAY, **options)


def test_nothing_left_is_an_error():
    with pytest.raises(NothingMatchedError, match="nothing to quantise"):
        bb.prepare(LeNet5(), GRAY, skip=["*"])
    with pytest.raises(NothingMatchedError, match="nothing to quantise"):
        bb.prepare(nn.ReLU(), GRAY)


def test_a_prepared_network_is_not_prepared_again():
    with pytest.raises(ValueError, match="already"):
        bb.prepare(bb.prepare(LeNet5(), GRAY), GRAY)


def test_embeddings_and_attention():
    model = bb.prepare(Words(), TOKENS)
    layers = bb.bit_layers(model)
    assert list(layers) == ["embed", "mix", "attend.q", "attend.k", "attend.v", "attend.out", "head"]
    assert layers["embed"].input_bits is None and layers["embed"].cost == 9 * 8
    assert layers["embed"].keep.phi.shape == (8,)
    model(TOKENS).sum().backward()
    assert all(layer.weight_bits.beta.grad is not None for layer in layers.values())


@pytest.mark.parametrize("per_channel", [False, True])
def test_rows_of_an_embedding_are_quantised_as_the_whole_table_is(per_channel):
    table = nn.Embedding(200, 6, padding_idx=0)
    layer = bb.prepare(table, torch.arange(8), weights=bb.fixed(4, per_channel=per_channel), prune=1.0, unpruned=[])
    with torch.no_grad():
        layer.keep.phi[3] = -6.0
    layer.eval()
    few, many = torch.tensor([[5, 0, 199]]), torch.arange(200)
    assert torch.equal(layer(few), layer(many)[few])
    ranges = []
    for read in (lambda: layer(few), lambda: layer(many)[few]):
        layer.zero_grad()
        read().square().sum().backward()
        ranges.append(layer.weight_bits.beta.grad.clone())
    assert torch.allclose(*ranges) and ranges[0].abs().sum() > 0


def test_a_pruned_channel_is_exactly_zero_bias_and_all():
    model = bb.prepare(LeNet5(), GRAY).eval()
    first = model.features[0]
    with torch.no_grad():
        first.keep.phi[5] = -6.0
    y = first(GRAY)
    assert torch.all(y[:, 5] == 0) and torch.all(y[:, 4].abs().amax((1, 2)) > 0)


def test_costs_by_name_take_the_place_of_macs():
    costs = {"head": 3.0, "features.*": 1.5}
    layers = bb.bit_layers(bb.prepare(LeNet5(), GRAY, costs=costs))
    assert [layer.cost for layer in layers.values()] == [1.5, 1.5, 1.5, 3.0]


def test_gates_are_one_for_each_output():
    sizes = {n: m.phi.numel() for n, m in bb.prepare(LeNet5(), GRAY).named_modules() if isinstance(m, Gates)}
    assert sizes["features.3.keep"] == 64 and sizes["features.3.weight_bits.gates"] == 4


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.again, self.head = self.first, nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.again(torch.relu(self.first(x))))


def test_a_layer_that_stands_twice_is_one_layer():
    x = torch.rand(3, 4)
    model = bb.prepare(Twice(), x)
    assert model.first is model.again and isinstance(model.again, bb.BitLayer)
    assert bb.macs(model, x) == {"first": 32, "head": 8}


def test_a_network_of_one_layer():
    x = torch.rand(3, 4)
    model = bb.prepare(nn.Linear(4, 2), x)
    assert isinstance(model, bb.BitLayer) and model(x).shape == (3, 2)
    assert bb.relative_bops(bb.learned(model, x)) == 6.25


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"example": torch.full((4, 6), math.nan)}, "'0' gets NaN or infinite numbers"),
        ({"skip": "0"}, r"'0': give a list of patterns, \['0'\]"),
        ({"weights": 8}, r"weights=8; give Widths\(\), fixed\(8\) or None"),
        ({"costs": {"*": -1.0}}, "0: cost -1.0 must be 0 or more"),
        ({"costs": {"*": [1.0, 1.0, math.nan, 1.0, 1.0]}}, "µs above 0 at 2, 4, 8, 16, 32 bits"),
    ],
)
def test_what_gives_no_widths_is_refused(wrong, said):
    example = wrong.pop("example", torch.rand(4, 6))
    with pytest.raises(ValueError, match=said):
        bb.prepare(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2)), example, **wrong)


def test_other_floats_are_refused():
    with pytest.raises(ValueError, match=r"'0' computes in torch\.float64; prepare the float32 network"):
        bb.prepare(nn.Sequential(nn.Linear(6, 8)).double(), torch.rand(4, 6).double())


def test_what_stays_float_is_told():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.old, self.head = nn.RNN(6, 8, batch_first=True), nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.old(x)[0])

    with pytest.warns(UserWarning, match="left in float32: old"):
        bb.prepare(Net(), torch.rand(2, 3, 6))
