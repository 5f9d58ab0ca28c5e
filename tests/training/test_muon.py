import pytest
import torch
from torch import nn

from apus.training.muon import Muon, orthogonalise, split
from apus.training.options import TrainOptions, make_optimizer


@pytest.mark.parametrize("shape", [(8, 32), (32, 8), (16, 16)])
def test_singular_values_come_near_one(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.max() < 1.3
    assert values.median() > 0.6


def test_directions_are_kept():
    torch.manual_seed(0)
    matrix = torch.randn(8, 32)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    assert ((orthogonalise(matrix) * (u @ v)).sum() / 8) > 0.7


def test_the_rest_moves_as_sgd_with_nesterov():
    torch.manual_seed(0)
    ours, theirs = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    group = {"params": [ours], "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0, "orthogonal": False}
    one, two = Muon([group]), torch.optim.SGD([theirs], 0.1, momentum=0.9, nesterov=True)
    for _ in range(4):
        for parameter, optimizer in ((ours, one), (theirs, two)):
            optimizer.zero_grad()
            parameter.square().sum().backward()
            optimizer.step()
    assert torch.allclose(ours, theirs)


def test_stem_head_and_norms_are_the_rest():
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, bias=False), nn.Linear(8, 2))
    hidden, rest = split(model)
    assert [id(p) for p in hidden] == [id(model[2].weight)]
    assert len(rest) == 6
    optimizer = make_optimizer(model, TrainOptions(optimizer="muon", learning_rate=0.05))
    assert [group["peak"] for group in optimizer.param_groups] == [0.05, 0.1]
