import math

import pytest
import torch

from apus.techniques.bayesian_bits import gates
from apus.techniques.bayesian_bits.gates import Gates


@pytest.mark.parametrize("phi", [-6.0, -2.0, -0.935, 0.0, 1.5, 6.0])
def test_chance_to_be_on_is_the_formula(phi):
    torch.manual_seed(0)
    on = (gates.sample(torch.full((400_000,), phi)) > 0).float().mean().item()
    assert on == pytest.approx(gates.probability(torch.tensor(phi)).item(), abs=0.005)


def test_formula_is_the_papers():
    phi = 0.7
    expected = 1 / (1 + math.exp(-(phi - 2 / 3 * math.log(0.1 / 1.1))))
    assert gates.probability(torch.tensor(phi, dtype=torch.float64)).item() == pytest.approx(expected, abs=1e-12)


def test_test_time_rule():
    phi = torch.linspace(-8, 8, 10_001)
    assert torch.equal(gates.decided(phi), 1 - gates.probability(phi) < 0.34)
    edge = gates.SHIFT - math.log(0.34 / 0.66)
    assert edge == pytest.approx(-0.935, abs=5e-4)
    assert gates.decided(torch.tensor([edge - 1e-4, edge + 1e-4])).tolist() == [False, True]


def test_gradient_of_a_draw():
    phi = torch.linspace(-1.5, 1.5, 64, dtype=torch.float64, requires_grad=True)

    def draw(at):
        torch.manual_seed(3)
        return gates.sample(at)

    z = draw(phi)
    z.sum().backward()
    step = 1e-6
    finite = (draw(phi.detach() + step) - draw(phi.detach() - step)) / (2 * step)
    between = (z > 0) & (z < 1)
    assert between.sum() > 20
    torch.testing.assert_close(phi.grad, finite, rtol=1e-5, atol=1e-8)


def test_gates_are_drawn_in_training_and_decided_after():
    torch.manual_seed(0)
    row = Gates(torch.tensor([0.0, -3.0]))
    assert not torch.equal(row(), row())
    assert row.eval()().tolist() == [1.0, 0.0]


@pytest.mark.parametrize("training", [True, False])
def test_frozen_gates_never_move(training):
    row = Gates(torch.tensor([0.0, -0.94, -0.93])).train(training)
    row.freeze()
    assert all(row().tolist() == [1.0, 0.0, 1.0] for _ in range(20))
    assert not row.phi.requires_grad
    assert row.state_dict()["phi"].tolist() == [math.inf, -math.inf, math.inf]
