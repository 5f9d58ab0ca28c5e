import pytest
import torch
from torch import nn

from apus.errors import NothingMatchedError
from apus.techniques import distill


def network():
    blocks = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(3)))
    return nn.ModuleDict({"blocks": blocks, "head": nn.Linear(4, 2)})


def run(model, x):
    return model["head"](model["blocks"](x))


def hooks(model):
    return sum(len(module._forward_hooks) for module in model.modules())


def test_taps_see_what_the_layers_gave():
    model, x = network(), torch.rand(5, 4)
    with distill.Taps(model, "blocks.*") as taps:
        run(model, x)
        assert list(taps.modules) == ["blocks.0", "blocks.1", "blocks.2"]
        assert torch.equal(taps["blocks.1"], model["blocks"][1](taps["blocks.0"]))
    assert hooks(model) == 0


def test_taps_by_module_object_and_gradients_through_them():
    model = network()
    with distill.Taps(model, model["blocks"][0], "head") as taps:
        run(model, torch.rand(5, 4))
        taps["blocks.0"].sum().backward()
    assert model["blocks"][0][0].weight.grad is not None
    assert list(taps.outputs) == ["blocks.0", "head"]


def test_hooks_go_when_the_network_fails():
    model = network()
    with pytest.raises(RuntimeError), distill.Taps(model, "blocks.*.0"):
        run(model, torch.rand(5, 3))
    assert hooks(model) == 0


def test_the_first_of_several_outputs():
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    with distill.Taps(nn.ModuleDict({"a": attention}), "a") as taps:
        x = torch.rand(2, 3, 4)
        assert torch.equal(taps.modules["a"](x, x, x)[0], taps["a"])


@pytest.mark.parametrize("wanted", [["nope"], ["*.*.7"], [nn.Linear(4, 4)], []])
def test_nothing_tapped_is_an_error_and_leaves_no_hook(wanted):
    model = network()
    with pytest.raises(NothingMatchedError):
        distill.Taps(model, "head", *wanted) if wanted else distill.Taps(model)
    assert hooks(model) == 0


def test_an_untapped_or_idle_layer_is_named():
    model = network()
    with distill.Taps(model, "head") as taps, pytest.raises(NothingMatchedError, match="has not run yet"):
        taps["head"]
    with pytest.raises(NothingMatchedError, match="'blocks' is not tapped; there are head"):
        taps["blocks"]
