import pytest
import torch
from torch import nn
from torch.nn import functional as F

from apus.training import Runtime


def test_accumulated_gradients_are_the_whole_batchs():
    runtime = Runtime("cpu")
    torch.manual_seed(0)
    model = runtime.setup(nn.Linear(5, 3))
    x, y = torch.randn(10, 5), torch.tensor([0, 1, 2, -100, 0, 1, -100, 2, 1, 0])
    expected = F.cross_entropy(model(x), y)
    expected.backward()
    whole, model.weight.grad = model.weight.grad, None
    loss = runtime.accumulate(lambda x, y: F.cross_entropy(model(x), y, reduction="sum"), model, (x, y), 3)
    assert float(loss) == pytest.approx(expected.item(), abs=1e-6)
    assert torch.allclose(model.weight.grad, whole, atol=1e-6)
