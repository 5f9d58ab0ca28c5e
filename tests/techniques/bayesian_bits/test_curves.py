"""Curves whose input has 8 bits: which, over what range, and what stays as it was."""

import pytest
import torch
from torch import nn

from apus.errors import NothingMatchedError
from apus.techniques import bayesian_bits as bb


def test_curves_get_8_bits() -> None:
    torch.manual_seed(0)
    x = torch.randn(32, 6)
    model = bb.prepare(nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 8), nn.Tanh()), x, curves=["1"])
    assert isinstance(model[1], bb.BitCurve) and type(model[3]) is nn.Tanh and model[1].input_bits.bits() == 8
    seen = torch.unique(model[1].input_bits(4 * torch.randn(9000)))
    assert 100 < len(seen) <= 256
    assert model[1].input_bits.beta in set(bb.parameter_groups(model)["ranges"])
    with pytest.raises(NothingMatchedError, match="'9' matches no curve; there are 1, 3"):
        bb.prepare(nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 8), nn.Tanh()), x, curves=["9"])


class Twice(nn.Module):
    """One curve between two layers, after each."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.curve = nn.Linear(4, 4), nn.Linear(4, 4), nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.curve(10 * self.second(self.curve(self.first(x))))


def test_a_curve_that_runs_twice_covers_both() -> None:
    torch.manual_seed(0)
    net, x = Twice(), torch.randn(16, 4)
    model = bb.prepare(net, x, curves=["curve"])
    widest = max(net.first(x).abs().max(), (10 * net.second(net.curve(net.first(x)))).abs().max())
    assert model.curve.input_bits.beta.item() == pytest.approx(widest.item())
    assert net.curve is not model.curve and isinstance(net.curve, nn.SiLU)
