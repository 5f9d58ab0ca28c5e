import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

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


def test_what_is_done_in_place_behind_a_tap_does_not_show():
    model, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True)), torch.randn(8, 4)
    with distill.Taps(model, "0") as taps:
        model(x)
        assert torch.equal(taps["0"], model[0](x))


def test_what_is_done_in_place_by_a_function_is_an_error():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            return F.relu(self.layer(x), inplace=True)

    model = Hidden()
    with distill.Taps(model, "layer") as taps, torch.no_grad():
        model(torch.randn(8, 4))
        with pytest.raises(ValueError, match="changed in place after it"):
            taps["layer"]


def test_what_did_not_run_this_time_is_not_known_from_last_time():
    class Sometimes(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            return self.layer(x) if len(x) > 1 else x

    model = Sometimes()
    with distill.Taps(model, "layer") as taps:
        model(torch.rand(2, 4))
        assert taps["layer"].shape == (2, 4)
        model(torch.rand(1, 4))
        with pytest.raises(NothingMatchedError, match="has not run"):
            taps["layer"]


def test_a_copy_of_a_tapped_network_taps_nothing():
    model = nn.Sequential(nn.Linear(4, 4))
    with distill.Taps(model, "0") as taps:
        copy.deepcopy(model)(torch.rand(2, 4))
        assert not taps.outputs


def test_a_module_is_known_by_each_of_its_names():
    model = nn.ModuleDict({"one": nn.Linear(2, 2)})
    model["two"] = model["one"]
    assert distill.matching(model, "*") == ["one", "two"]
