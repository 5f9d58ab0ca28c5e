import pytest
import torch
from torch import nn

from apus.errors import NothingMatchedError
from apus.techniques import quantize


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.body = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norm, self.pool, self.drop = nn.BatchNorm2d(8), nn.MaxPool2d(2), nn.Dropout(0.1)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.pool(torch.relu(self.stem(x)))
        x = torch.relu(self.norm(self.body(x)) + x)
        return self.head(self.drop(x.mean((2, 3))))


class Branching(nn.Module):
    """Control flow that depends on data, which cannot be traced."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        y = self.first(x)
        return self.second(y if y.sum() > 0 else -y)


X = torch.rand(16, 1, 8, 8)


def prepared(**options):
    torch.manual_seed(0)
    model = Residual().eval()
    return model, quantize.prepare(model, X, **options)


def test_every_stored_tensor_has_one_quantiser():
    _, ready = prepared()
    calls = [str(n.target) for n in ready.graph.nodes if "quantize" in str(n.target)]
    # input, stem+relu, max pool (shared), body, add+relu, mean; neither dropout nor the logits
    assert calls == ["quantize_0", "quantize_1", "quantize_1", "quantize_2", "quantize_3", "quantize_4"]


def test_eight_bits_stay_close_and_two_do_not():
    model, eight = prepared()
    _, two = prepared(weight_bits=2, activation_bits=2)
    size = model(X).abs().max()
    assert (eight(X) - model(X)).abs().max() < 0.03 * size
    assert (two(X) - model(X)).abs().max() > 0.1 * size


def test_trains():
    _, ready = prepared()
    optimizer = torch.optim.SGD(ready.parameters(), 0.1)
    ready.train()
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(ready(X), torch.arange(16) % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_ranges_freeze():
    _, ready = prepared()
    quantize.observe(ready, False)
    before = [q.high.item() for q in quantize.quantizers(ready)]
    ready.train()(X * 5)
    assert [q.high.item() for q in quantize.quantizers(ready)] == before
    quantize.calibrate(ready, [X])
    quantize.observe(ready, True)
    ready.train()(X * 5)
    assert [q.high.item() for q in quantize.quantizers(ready)] != before


def test_untraceable_networks_quantise_each_layers_input():
    torch.manual_seed(0)
    model, x = Branching().eval(), torch.randn(8, 6)
    ready = quantize.prepare(model, x)
    assert len(quantize.quantizers(ready)) == 2
    assert (ready(x) - model(x)).abs().max() < 0.05


def test_skipped_layers_stay_float():
    _, ready = prepared(skip=["head", "st*"])
    assert isinstance(ready.head, nn.Linear)
    assert isinstance(ready.stem, nn.Conv2d)
    assert isinstance(ready.body, quantize.QuantLayer)


@pytest.mark.parametrize("skip", [["nope"], ["*"]])
def test_nothing_matched_is_an_error(skip):
    with pytest.raises(NothingMatchedError):
        prepared(skip=skip)


def test_bits_outside_2_to_8_are_refused():
    with pytest.raises(ValueError, match=r"2\.\.8"):
        prepared(weight_bits=1)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("trace", [False, True])
def test_torchs_own_transformer_computes_with_its_quantisers_in_evaluation_too(norm_first, trace):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=norm_first)
    model, x = nn.TransformerEncoder(layer, 2, enable_nested_tensor=not norm_first).eval(), torch.rand(2, 5, 32)
    ready = quantize.prepare(model, x, trace=trace)
    assert sum(isinstance(module, quantize.QuantLayer) for module in ready.modules()) == 4
    with torch.no_grad():
        found = ready(x)
    torch.testing.assert_close(found, ready(x), atol=1e-5, rtol=0)
    assert 1e-4 < (found - model(x)).abs().max() < 0.1
