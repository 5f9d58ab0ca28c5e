"""Gates over 16x1 blocks, prices in µs, and transposed convolutions."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from apus.compile import compile_to_file
from apus.export import INPUT, export
from apus.runtime import Session
from apus.techniques import bayesian_bits as bb


def perceptron():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 3))


def test_a_gate_holds_sixteen_outputs_of_one_input():
    model = bb.prepare(perceptron(), torch.rand(8, 6), blocks=True).eval()
    layer = bb.bit_layers(model)["0"]
    assert layer.keep.phi.shape == (3, 6)  # 40 rows: two blocks of 16 and one of 8
    with torch.no_grad():
        layer.keep.phi[1, 2] = -9.0
        layer.keep.phi[2, 5] = -9.0
    dead = ~layer.alive()
    assert dead[16:32, 2].all() and dead[32:40, 5].all() and dead.sum() == 24
    weight, bias = layer.deployed()
    assert (weight[dead] == 0).all() and (weight[~dead] != 0).any()
    assert layer.kept().all() and (bias != 0).all()
    share = bb.learned(model, torch.rand(1, 6))["0"].alive
    assert share == pytest.approx(1 - 24 / 240)


def test_blocks_have_a_price_and_a_gradient():
    model = bb.prepare(perceptron(), torch.rand(8, 6), blocks=True)
    layer = bb.bit_layers(model)["0"]
    open_ = bb.penalty(model).item()
    bb.penalty(model).backward()
    assert (layer.keep.phi.grad > 0).all()
    with torch.no_grad():
        layer.keep.phi.fill_(-9.0)
    assert bb.penalty(model).item() < open_


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(32, 32, 3, groups=32), nn.ConvTranspose1d(4, 6, 3), nn.Embedding(9, 32)], ids=type
)
def test_what_the_engine_has_no_blocks_of_keeps_all(layer):
    x = torch.randint(0, 9, (2, 5)) if isinstance(layer, nn.Embedding) else torch.rand(2, layer.in_channels, 9, 9)
    x = x[..., 0] if isinstance(layer, nn.ConvTranspose1d) else x
    model = bb.prepare(nn.Sequential(layer, nn.ReLU()), x, blocks=True, inputs=None, unpruned=["*"])
    assert bb.bit_layers(model)["0"].keep is None


def test_microseconds_take_the_place_of_bits():
    costs = {"0": [1.0, 1.0, 2.0, 5.0, 4.0], "2": [1.0, 1.0, 1.0, 1.0, 1.0]}
    model = bb.prepare(
        perceptron(), torch.rand(8, 6), weights=bb.fixed(32), inputs=bb.fixed(2), prune=None, costs=costs
    )
    # At 8 bits 14, as 2 + 4 + 8: a µs of layer 0 is 7. Its weights take 5 µs (32 bits measured faster: no discount),
    # its inputs 1, or 2 that the network's first has 8 bits; layer 2 weighs 1/2, at 14 a µs.
    assert bb.penalty(model).item() == pytest.approx(7 * 5 + 7 * 2 + (14 + 14) / 2)


@pytest.mark.parametrize("cost", [[1.0, 2.0], [1.0, 1.0, 0.0, 1.0, 1.0]])
def test_prices_that_are_none(cost):
    with pytest.raises(ValueError, match=r"0: cost .* must be a number, or µs above 0 at 2, 4, 8, 16, 32 bits"):
        bb.prepare(perceptron(), torch.rand(8, 6), costs={"*": cost})


class Up(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(2, 8, 3, padding=1), nn.ConvTranspose2d(8, 4, 4, 2, 1)
        self.last = nn.ConvTranspose2d(4, 3, 2, 2, output_padding=1, groups=1)

    def forward(self, x):
        return self.last(torch.relu(self.up(torch.relu(self.down(x)))))


def test_transposed_convolutions_learn_widths_and_lose_channels(tmp_path):
    torch.manual_seed(0)
    x = torch.rand(2, 2, 6, 6)
    model = bb.prepare(Up(), x, weights=bb.fixed(8, per_channel=True), inputs=bb.fixed(8))
    assert bb.macs(Up(), x)["up"] == 8 * 36 * 4 * 16
    with torch.no_grad():
        bb.bit_layers(model)["up"].keep.phi[1] = -9.0
    model = model.eval()
    assert bb.describe(model)[1]["kept"] == 3
    assert bb.learned(model, x)["last"].alive == pytest.approx(3 / 4)
    with torch.no_grad():
        answer = model(x).numpy()
    proto = export(model, x, tmp_path / "up.onnx")
    shapes = {tensor.name: list(tensor.dims) for tensor in proto.graph.initializer}
    assert [8, 3, 4, 4] in shapes.values() and [3, 3, 2, 2] in shapes.values()  # the channel is gone from both
    runtime = onnxruntime.InferenceSession(tmp_path / "up.onnx", providers=["CPUExecutionProvider"])
    engine = Session(compile_to_file(tmp_path / "up.onnx", shapes={INPUT: [2, 2, 6, 6]}))
    for each in (runtime, engine):
        np.testing.assert_allclose(each.run(None, {INPUT: x.numpy()})[0], answer, atol=2e-2 * np.abs(answer).max())
