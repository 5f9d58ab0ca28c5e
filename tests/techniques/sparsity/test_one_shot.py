import copy

import pytest
import torch
from torch import nn

from apus.errors import NothingMatchedError
from apus.techniques.sparsity import Masks, one_shot


def network():
    """Every kind of layer that can be pruned, after one that has a bias and before one that has none."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(8, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, stride=2, groups=2, bias=False),
        nn.ReLU(),
        nn.Flatten(2),
        nn.Conv1d(32, 32, 3, dilation=2, padding=2),
        nn.Flatten(),
        nn.Linear(512, 32),
    )


def images(count=4):
    """Half of the channels repeat the others, as features do: what one loses another can give."""
    torch.manual_seed(1)
    return [torch.rand(32, 4, 10, 10).repeat(1, 2, 1, 1) for _ in range(count)]


def error(model, dense, x):
    with torch.no_grad():
        return float((model(x) - dense(x)).square().mean())


@pytest.mark.parametrize("structure", ["16x1", "16x4", "unstructured"])
def test_the_correction_halves_the_error(structure):
    dense, (*seen, fresh) = network(), images(5)
    plain, corrected = copy.deepcopy(dense), copy.deepcopy(dense)
    Masks(plain, structure).update(0.5)
    masks = Masks(corrected, structure)
    one_shot(corrected, masks, seen, 0.5)
    assert error(corrected, dense, fresh) < 0.5 * error(plain, dense, fresh)
    for name, layer in masks.layers.items():
        assert not (layer.weight[~masks.kept[name]]).any()
        assert (layer.weight == 0).float().mean() == pytest.approx(0.5, abs=0.05)


def test_an_unused_input_goes_first_whatever_its_weight():
    layer = nn.Linear(8, 16)
    with torch.no_grad():
        layer.weight[:, :4] = 100.0
    x = torch.rand(64, 8)
    x[:, :4] = 0
    wanted = copy.deepcopy(layer)(x)
    one_shot(layer, Masks(layer), [x], 0.5)
    assert not layer.weight[:, :4].any()
    torch.testing.assert_close(layer(x), wanted, atol=0.01, rtol=0.01)


def test_nothing_to_learn_from_is_an_error():
    model = network()
    with pytest.raises(NothingMatchedError, match="at least one batch"):
        one_shot(model, Masks(model), [], 0.5)
    model[7].spare = nn.Linear(16, 16)
    with pytest.raises(NothingMatchedError, match=r"7\.spare: does not run"):
        one_shot(model, Masks(model), images(1), 0.5)


def test_the_mode_stays():
    model = network().train()
    model[0].eval()
    one_shot(model, Masks(model), images(), 0.5)
    assert model.training and not model[0].training
    with pytest.raises(RuntimeError):
        one_shot(model, Masks(model), [torch.rand(2, 3, 10, 10)], 0.5)
    assert model.training and not model[0].training


def test_bfloat16_and_few_rows():
    layer = nn.Linear(64, 16).bfloat16()
    with pytest.warns(UserWarning, match="8 rows of calibration for 64 inputs"):
        one_shot(layer, Masks(layer), [torch.rand(8, 64).bfloat16()], 0.5)
    assert layer.weight.isfinite().all() and (layer.weight == 0).float().mean() == 0.5


def test_what_cannot_be_fitted_is_refused():
    layer, other = nn.Linear(64, 16), nn.Linear(64, 16)
    with pytest.raises(ValueError, match="of another network"):
        one_shot(layer, Masks(other), [torch.rand(64, 64)], 0.5)
    with pytest.raises(ValueError, match="not finite"):
        one_shot(layer, Masks(layer), [torch.full((64, 64), torch.nan)], 0.5)
    one_shot(layer, Masks(layer), [torch.zeros(64, 64)], 0.5)
    assert layer.weight.any()
