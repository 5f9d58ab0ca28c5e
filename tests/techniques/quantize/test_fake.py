import pytest
import torch
from torch import nn

from apus.techniques import quantize


def test_two_bits_are_the_ternary_network_of_least_error():
    torch.manual_seed(0)
    weight = torch.randn(8, 512)
    scale, ternary = quantize.weight_scale(weight, 2), quantize.fake_weight(weight, 2)
    for row, step, found in zip(weight, scale, ternary, strict=True):
        large = row.abs() > 0.7 * row.abs().mean()
        assert step == pytest.approx(row.abs()[large].mean().item(), rel=1e-5)
        best = min(
            float((row - s * row.sign() * (row.abs() > s / 2)).square().sum()) for s in torch.linspace(0.2, 4, 200)
        )
        assert float((row - found).square().sum()) < 1.02 * best


def test_a_table_is_quantised_by_row():
    table = nn.Embedding(6, 16)
    rows = quantize.QuantEmbedding(table, 4)
    x = torch.tensor([[0, 3], [5, 5]])
    assert torch.equal(rows(x), quantize.fake_weight(table.weight, 4)[x])
    assert torch.equal(rows.weight[5], rows(x)[1, 0])
    rows(x).sum().backward()
    assert table.weight.grad.abs().sum(1).nonzero().flatten().tolist() == [0, 3, 5]


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_weights_take_their_channels_levels(bits):
    torch.manual_seed(0)
    weight, most = torch.randn(5, 3, 3), 2 ** (bits - 1) - 1
    levels = quantize.fake_weight(weight, bits) / quantize.weight_scale(weight, bits).reshape(-1, 1, 1)
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert levels.abs().flatten(1).amax(1).tolist() == pytest.approx([most] * 5, rel=1e-5)


def test_weight_gradient_passes_straight_through():
    weight = torch.randn(4, 6, requires_grad=True)
    (quantize.fake_weight(weight, 4) * torch.arange(24.0).reshape(4, 6)).sum().backward()
    assert torch.equal(weight.grad, torch.arange(24.0).reshape(4, 6))


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.0), (-1.0, 3.0), (2.0, 4.0), (-3.0, -1.0), (0.0, 0.0)])
def test_affine_covers_the_range_and_zero_exactly(low, high):
    scale, zero = quantize.affine(torch.tensor(low), torch.tensor(high), 8)
    assert 0 <= zero <= 255
    step = float(scale)
    assert (0 - float(zero)) * step <= min(low, 0) + step / 2 + 1e-6
    assert (255 - float(zero)) * step >= max(high, 0) - step / 2 - 1e-6


def test_activation_gradient_stops_outside_the_range():
    quantizer = quantize.ActivationQuantizer()
    quantizer(torch.tensor([0.0, 1.0]))
    quantizer.observing.fill_(False)
    x = torch.tensor([-0.5, 0.5, 1.5], requires_grad=True)
    quantizer(x).sum().backward()
    assert x.grad.tolist() == [0, 1, 0]


def test_ranges_move_slowly_and_freeze():
    quantizer = quantize.ActivationQuantizer()
    quantizer(torch.tensor([0.0, 1.0]))
    quantizer(torch.tensor([0.0, 2.0]))
    assert quantizer.high.item() == pytest.approx(1.01)
    quantizer.eval()(torch.tensor([0.0, 9.0]))
    quantizer.train().observing.fill_(False)
    quantizer(torch.tensor([0.0, 9.0]))
    assert quantizer.high.item() == pytest.approx(1.01)


@pytest.mark.parametrize("layer", [nn.Linear(6, 4), nn.Conv1d(6, 4, 3), nn.Conv2d(6, 4, 3, padding=1, groups=2)])
def test_stored_integers_are_the_simulated_weights(layer):
    quantised = quantize.QuantLayer(layer, 8)
    levels, scale = quantize.integer_weight(quantised)
    assert levels.dtype == torch.int8
    rebuilt = levels * scale.reshape(-1, *[1] * (levels.ndim - 1))
    assert torch.equal(rebuilt, quantize.fake_weight(layer.weight, 8))


def test_state_travels_in_the_state_dict():
    one, two = quantize.ActivationQuantizer(), quantize.ActivationQuantizer()
    one(torch.tensor([-1.0, 3.0]))
    two.load_state_dict(one.state_dict())
    x = torch.randn(100)
    assert torch.equal(one.eval()(x), two.eval()(x))
