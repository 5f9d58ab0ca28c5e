import pytest
import torch
from torch import nn

from apus.techniques.quantize import fold_batch_norms


def settled(model, *shape):
    """A network whose normalisations have seen data."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
    model.train()
    for _ in range(3):
        model(torch.randn(shape))
    return model.eval()


def norms(model):
    return sum(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in model.modules())


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU()), (4, 3, 8, 8)),
        (nn.Sequential(nn.Conv1d(3, 8, 3, groups=1), nn.BatchNorm1d(8)), (4, 3, 9)),
        (nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6)), (4, 5)),
    ],
)
def test_folding_changes_nothing(model, shape):
    settled(model, *shape)
    x = torch.randn(shape)
    folded = fold_batch_norms(model, x)
    assert norms(folded) == 0
    assert norms(model) == 1
    assert torch.allclose(folded(x), model(x), atol=1e-5)


class Odd(nn.Module):
    def __init__(self, use_twice):
        super().__init__()
        self.layer, self.norm, self.use_twice = nn.Linear(4, 4), nn.BatchNorm1d(4), use_twice

    def forward(self, x):
        y = self.layer(x)
        return self.norm(y) + y if self.use_twice else self.norm(self.layer(torch.relu(y)))


def test_a_layer_used_elsewhere_is_left_alone():
    model = settled(Odd(True), 8, 4)
    x = torch.randn(8, 4)
    with pytest.warns(UserWarning, match="used elsewhere"):
        folded = fold_batch_norms(model, x)
    assert torch.equal(folded(x), model(x))


def test_a_layer_called_twice_is_left_alone():
    model = settled(Odd(False), 8, 4)
    folded = fold_batch_norms(model, torch.randn(8, 4))
    assert norms(folded) == 1
