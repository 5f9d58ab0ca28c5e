import copy

import pytest
import torch

from apus.techniques.bayesian_bits.grids import INSIDE, WIDTHS
from apus.techniques.bayesian_bits.quantizer import Quantizer, forced

SIGNED = torch.randn(1000, generator=torch.Generator().manual_seed(1))


def plain(x, beta, bits, signed):
    """The fixed-bit quantiser, in one step: s = (β - α) / (2^b - 1)."""
    low = -beta if signed else 0.0
    s = (beta - low) / (2**bits - 1)
    first, last = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return s * torch.round(x / s).clamp(first, last)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_forced_gates_are_the_plain_quantiser(bits, signed, training):
    x = SIGNED if signed else SIGNED.abs()
    q = Quantizer(x, forced(bits), learn=False).train(training).double()
    with torch.no_grad():
        q.beta.mul_(0.7)  # so that some numbers are clipped
        got = q(x.double())
    assert bool(q.signed) is signed
    torch.testing.assert_close(got, plain(x.double(), q.beta.item(), bits, signed), rtol=0, atol=1e-5 * q.beta.item())


def test_32_bits_are_the_number_itself():
    torch.testing.assert_close(Quantizer(SIGNED, forced(32))(SIGNED), SIGNED, rtol=0, atol=1e-5)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("signed", [True, False])
def test_every_level_fits_the_width_in_float32(bits, signed):
    torch.manual_seed(0)
    for beta in torch.rand(200) * 10 ** torch.linspace(-4, 4, 200):
        x = torch.tensor([-beta * 2 if signed else 0.0, beta, beta * 2, beta / 3])
        q = Quantizer(x, forced(bits))
        with torch.no_grad():
            q.beta.copy_(beta)
            low, high = q.range()
            codes = q(x) / ((high - low) / (2**bits - 1))
        torch.testing.assert_close(codes, codes.round(), rtol=0, atol=1e-3)
        first, last = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        assert (codes.round().min(), codes.round().max()) == (first, last)


def test_gates_nest():
    x = SIGNED
    closed = (6.0, -6.0, 6.0, 6.0)  # 8 is off, so 16 and 32 are, whatever their own gates say
    q = Quantizer(x, closed).eval()
    assert q.bits() == 4
    assert torch.equal(q(x), Quantizer(x, forced(4)).eval()(x))


def residuals(x, q, gates, rounding):
    """The paper's sum as it stands there; rounding may be the straight-through one, or a relaxed one."""
    low, high = q.range()
    x = torch.maximum(torch.minimum(x, high * INSIDE), low * (1 + 1e-9))  # the lower end, a tie, is the first level
    s = (high - low) / 3
    level = s * rounding(x / s)
    y, left, gate = level, x - level, 1.0
    for bits, z in zip(WIDTHS[1:], gates.unbind(), strict=True):
        gate = gate * z
        s = s / (2 ** (bits // 2) + 1)
        level = s * rounding(left / s)
        y, left = y + gate * level, left - level
    return y


def straight(x):
    return x + (torch.round(x) - x).detach()


def opened(shape, per_channel=None, seed=5):
    """A quantiser in double precision that clips some numbers, and those numbers."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()
    q = Quantizer(x, (0.2, 0.3, 0.4, 0.1), per_channel=per_channel).double()
    with torch.no_grad():
        q.beta.mul_(0.6)
    return q, x


@pytest.mark.parametrize("per_channel", [None, 0])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_sum_of_grids_is_the_sum_of_gated_residuals(per_channel, signed, seed):
    q, x = opened((5, 200), per_channel)
    if not signed:
        x, q.signed = x.abs(), torch.tensor(False)
    weigh, found = torch.linspace(-1, 2, 1000, dtype=torch.float64).reshape(x.shape), []
    for quantise in (q, lambda x: residuals(x, q, q.gates(), straight)):
        torch.manual_seed(seed)
        leaf = x.clone().requires_grad_()
        q.zero_grad()
        y = quantise(leaf)
        (y * weigh).sum().backward()
        found.append([y.detach(), leaf.grad, q.beta.grad.clone(), q.gates.phi.grad.clone()])
    for ours, paper in zip(*found, strict=True):
        torch.testing.assert_close(ours, paper, rtol=1e-5, atol=1e-5)


class Relaxed:
    """Rounding as the straight-through gradient sees it: a constant offset, held from the first pass."""

    def __init__(self):
        self.offsets, self.turn = [], None

    def __call__(self, x):
        if self.turn is None:
            self.offsets.append((torch.round(x) - x).detach())
            return x + self.offsets[-1]
        self.turn += 1
        return x + self.offsets[self.turn - 1]


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("which", ["beta", "phi", "x"])
def test_gradients_are_those_of_the_relaxed_quantiser(signed, which):
    q, x = opened(1000)
    if not signed:
        x, q.signed = x.abs(), torch.tensor(False)
    weigh, relaxed = torch.linspace(-1, 2, 1000, dtype=torch.float64), Relaxed()
    x.requires_grad_()

    def gates():
        torch.manual_seed(5)  # the same draw, with several gates between 0 and 1
        return q.gates()

    torch.manual_seed(5)
    (q(x) * weigh).sum().backward()
    parameter, finite = {"beta": q.beta, "phi": q.gates.phi, "x": x}[which], []
    with torch.no_grad():
        residuals(x, q, gates(), relaxed)
        flat = parameter.data.view(-1)
        for i in range(min(4, flat.numel())):
            sides = []
            for step in (1e-6, -1e-6):
                relaxed.turn = 0
                flat[i] += step
                sides.append((residuals(x, q, gates(), relaxed) * weigh).sum().item())
                flat[i] -= step
            finite.append((sides[0] - sides[1]) / 2e-6)
    got = parameter.grad.view(-1)[: len(finite)]
    assert got.abs().max() > 0
    torch.testing.assert_close(got, torch.tensor(finite, dtype=torch.float64), rtol=1e-4, atol=1e-6)


def test_range_per_channel():
    w = torch.randn(6, 4, 3) * torch.logspace(-2, 2, 6)[:, None, None]
    q = Quantizer(w, forced(8), per_channel=0)
    assert q.beta.shape == (6, 1, 1)
    assert torch.all((q(w) - w).abs().amax((1, 2)) <= q.beta.flatten() / 255 * 1.001)


def test_expected_bits_and_width():
    q = Quantizer(SIGNED, forced(8))
    assert q.expected_bits().item() == 2 + 4 + 8
    assert q.expected_bits(torch.tensor(0.5)).item() == 7
    assert [Quantizer(SIGNED, forced(b)).bits() for b in WIDTHS] == list(WIDTHS)


def test_an_all_zero_tensor_stays_zero():
    assert torch.equal(Quantizer(torch.zeros(3), forced(4))(torch.zeros(3)), torch.zeros(3))


def test_deep_copies_and_unknown_widths():
    q = Quantizer(SIGNED, (6.0, 6.0, -6.0, -6.0)).eval()
    assert torch.equal(copy.deepcopy(q)(SIGNED), q(SIGNED))
    with pytest.raises(ValueError, match="3 bits"):
        forced(3)
