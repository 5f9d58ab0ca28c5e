import torch

from apus.training.meter import Meter


def test_fetches_the_mean_every_n_steps():
    meter = Meter(every=3)
    values = [meter.add(loss=torch.tensor(float(n)), hits=torch.tensor(n)) for n in range(6)]
    assert values == [None, None, {"loss": 1.0, "hits": 1.0}, None, None, {"loss": 4.0, "hits": 4.0}]


def test_fetching_early_and_empty():
    meter = Meter(every=10)
    assert meter.fetch() == {}
    meter.add(loss=torch.tensor(2.0, requires_grad=True))
    assert meter.fetch() == {"loss": 2.0}


def test_values_may_be_overwritten_after_they_were_added():
    meter, value = Meter(every=2), torch.tensor(1.0)
    meter.add(loss=value)
    value.fill_(3.0)  # as the next replay of a CUDA graph does
    assert meter.add(loss=value) == {"loss": 2.0}
