import torch
from torch import nn

from apus.training.average import Average


def test_follows_by_the_formula():
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 0.0)
    average = Average(model, 0.5)
    nn.init.constant_(model.weight, 1.0)
    average.update(model, 1000)
    assert average.model.weight.item() == 0.5
    average.update(model, 1000)
    assert average.model.weight.item() == 0.75


def test_follows_fast_at_first_and_copies_counters():
    model = nn.BatchNorm1d(2)
    average = Average(model, 0.999)
    model(torch.rand(4, 2))
    average.update(model, 0)
    assert average.model.num_batches_tracked == 1
    assert torch.allclose(average.model.running_mean, 0.9 * model.running_mean)
