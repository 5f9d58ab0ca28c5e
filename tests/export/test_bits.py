import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from torch import nn

import apus
from apus.bench.layers import layers
from apus.compile import compile_to_file
from apus.compile.model import compile_model
from apus.export import INPUT, bytes_by_layer, export
from apus.techniques import bayesian_bits as bb

X = torch.randn(24, 3, 8, 8, generator=torch.Generator().manual_seed(0))
OFF = -6.0
TYPES = {2: TensorProto.INT2, 4: TensorProto.INT4, 8: TensorProto.INT8, 16: TensorProto.INT16}


class Net(nn.Module):
    """A residual branch, a concatenation and a depthwise layer between two convolutions and a linear layer."""

    def __init__(self):
        super().__init__()
        self.first, self.branch = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.left, self.right = nn.Conv2d(8, 6, 1), nn.Conv2d(8, 4, 1)
        self.depthwise, self.last = nn.Conv2d(10, 10, 3, groups=10), nn.Conv2d(10, 5, 1)
        self.relu, self.pool, self.head = nn.ReLU(), nn.MaxPool2d(2), nn.Linear(45, 4)

    def forward(self, x):
        x = self.relu(self.first(x))
        x = self.relu(x + self.branch(x))
        x = torch.cat([self.left(x), self.right(x)], 1)
        return self.head(self.pool(self.relu(self.last(self.depthwise(x)))).flatten(1))


def prepared(bits=8, prune=()):
    torch.manual_seed(0)
    wide = dict.fromkeys(("weights", "inputs"), bb.fixed(bits))
    model = bb.prepare(Net(), X, unpruned=["head"], **wide)
    with torch.no_grad():
        for name, rows in dict(prune).items():
            model.get_submodule(name).keep.phi[rows] = OFF
    return model.eval()


def agree(model, proto):
    """torch, ONNX Runtime and engine on the same inputs: no code differs, float sums may in their last bits."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        ours = apus.Session(proto.SerializeToString()).run(None, {INPUT: X.numpy()})[0]
        wanted = model(X).numpy()
    for told in (session.run(None, {INPUT: X.numpy()})[0], ours):
        np.testing.assert_allclose(told, wanted, rtol=0, atol=1e-5 * np.ptp(wanted))


def shapes(proto):
    return {t.name: list(t.dims) for t in proto.graph.initializer if t.name.endswith(("levels", "weight"))}


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_every_width_runs_the_same_in_torch_onnxruntime_and_engine(bits):
    model = prepared(bits)
    proto = export(model, X)
    agree(model, proto)
    stored = {t.data_type for t in proto.graph.initializer if t.name.endswith("levels") and "bias" not in t.name}
    assert stored == {TYPES[bits]} | ({TYPES[4]} if bits == 2 else set())  # behind the network's input of 8 bits


@pytest.mark.parametrize("tokens", [False, True])
def test_weights_of_2_bits_beside_inputs_of_8_open_in_onnxruntime(tokens, tmp_path):
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4)), X.flatten(2)
    x = x[..., :32] if tokens else x[:, 0, :32]
    model = bb.prepare(net, x, weights=bb.fixed(2), inputs=bb.fixed(8), prune=None).eval()
    proto, wanted = export(model, x, tmp_path / "x.onnx"), model(x).detach().numpy()
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for each in (session, apus.Session(proto.SerializeToString())):
        np.testing.assert_allclose(each.run(None, {INPUT: x.numpy()})[0], wanted, rtol=0, atol=1e-5 * np.ptp(wanted))
    rows = layers(compile_to_file(tmp_path / "x.onnx"), {INPUT: x.numpy()}, runs=1)
    assert {row["bits"] for row in rows if row["op"].startswith("linear")} == {2}


def test_files_shrink_with_the_bits():
    sizes = [bytes_by_layer(export(prepared(bits), X))["head"] for bits in (2, 8)]
    assert sizes[0] < 0.4 * sizes[1]


def test_pruned_channels_leave_through_concatenation_and_depthwise():
    pruned = {"left": [1, 2], "right": [0, 1, 2, 3], "depthwise": [1, 2, 5, 6, 7, 8, 9], "last": [4]}  # 5: unread
    model = prepared(8, pruned)
    proto = export(model, X)
    agree(model, proto)
    found = shapes(proto)
    assert found["left.levels"] == [3, 8, 1, 1] and "right.levels" not in found
    assert found["depthwise.levels"] == [3, 1, 3, 3] and found["last.levels"] == [4, 3, 1, 1]
    assert found["head.levels"] == [4, 36]
    assert {a.i for n in proto.graph.node if n.name == "depthwise" for a in n.attribute if a.name == "group"} == {3}


def test_a_branch_of_0_bits_is_gone():
    model = prepared(8, {"branch": range(8)})
    proto = export(model, X)
    assert "branch.levels" not in shapes(proto)
    assert not [n for n in proto.graph.node if n.op_type == "Add"]
    agree(model, proto)


def test_channels_added_to_living_ones_stay_and_dead_ones_leave_both_sides():
    model = prepared(8, {"first": [0, 1, 2], "branch": [1, 2, 3]})
    proto = export(model, X)
    found = shapes(proto)
    assert found["first.levels"][0] == found["branch.levels"][0] == 6  # 1 and 2 are zero on both sides
    assert found["left.levels"][1] == 6
    agree(model, proto)


def test_float_weights_and_inputs_stay_float():
    torch.manual_seed(0)
    model = bb.prepare(Net(), X, weights=None, inputs=None, unpruned=["head"]).eval()
    with torch.no_grad():
        model.last.keep.phi[:2] = OFF
    proto = export(model, X)
    assert shapes(proto)["last.weight"][0] == 3
    agree(model, proto)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_a_linear_layer_over_tokens_runs_the_same(bits):
    torch.manual_seed(0)
    wide, x = bb.fixed(bits), torch.randn(3, 5, 12)
    net = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 4))
    model = bb.prepare(net, x, weights=wide, inputs=wide, prune=None).eval()
    proto = export(model, x)
    with torch.no_grad():
        wanted = model(x).numpy()
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for each in (session, apus.Session(proto.SerializeToString())):
        np.testing.assert_allclose(each.run(None, {INPUT: x.numpy()})[0], wanted, rtol=0, atol=1e-5 * np.ptp(wanted))


@pytest.mark.parametrize("bits", [4, 8])
def test_a_curve_of_8_bits_becomes_a_table(bits):
    torch.manual_seed(0)
    x = torch.randn(40, 24)
    wide = {"weights": bb.fixed(bits), "inputs": bb.fixed(8)}
    net = nn.Sequential(nn.Linear(24, 32), nn.GELU(), nn.Linear(32, 16), nn.SiLU(), nn.Linear(16, 4))
    model = bb.prepare(net, x, curves=["1", "3"], prune=None, **wide).eval()
    proto = export(model, x)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = model(x).detach().numpy()
    for told in (session.run(None, {INPUT: x.numpy()})[0], apus.Session(proto).run(None, {INPUT: x.numpy()})[0]):
        off = abs(told - wanted) / np.ptp(wanted)
        assert off.max() < 0.02 and (off > 1e-5).mean() < 0.05  # a sum beside the middle of two steps rounds either way
    ops = [(node.op, graph.values[node.output].dtype) for graph in [compile_model(proto)] for node in graph.nodes]
    assert ops.count(("unary", "uint8")) == 2 and ("unary", "float32") not in ops


def dead_channel():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    net[0].weight.data[2], net[0].bias.data[2] = 0.0, 2.0
    return net, torch.randn(8, 4)


def behind_a_factor_of_0():
    norm = nn.BatchNorm2d(4).eval()
    norm.weight.data.zero_(), norm.bias.data.fill_(0.5)
    first = torch.nn.utils.fuse_conv_bn_eval(nn.Conv2d(2, 4, 3, bias=False).eval(), norm)
    return nn.Sequential(first, nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)), torch.randn(4, 2, 6, 6)


def all_but_zero():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    net[2].weight.data.mul_(1e-9)
    return net, torch.randn(8, 5, 4)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("make", [dead_channel, behind_a_factor_of_0, all_but_zero])
def test_a_bias_beyond_the_accumulators_of_tiny_weights_stays(make, per_channel):
    torch.manual_seed(0)
    net, x = make()
    model = bb.prepare(net, x, weights=bb.fixed(8, per_channel=per_channel), inputs=bb.fixed(8), prune=None).eval()
    proto, wanted = export(model, x), model(x).detach().numpy()
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for each in (session, apus.Session(proto.SerializeToString())):
        np.testing.assert_allclose(each.run(None, {INPUT: x.numpy()})[0], wanted, rtol=0, atol=1e-6)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.b(torch.relu(self.a(torch.relu(self.a(x)))))


@pytest.mark.parametrize("pruned", [False, True])
def test_a_layer_that_runs_twice_is_stored_once_and_can_be_pruned(pruned):
    torch.manual_seed(0)
    x = torch.randn(8, 4)
    model = bb.prepare(Twice(), x).eval()
    if pruned:
        model.a.keep.phi.data[1] = OFF
    proto = export(model, x)
    assert pruned or len([t for t in proto.graph.initializer if t.name.startswith("a.levels")]) == 1
    found = apus.Session(proto.SerializeToString()).run(None, {INPUT: x.numpy()})[0]
    np.testing.assert_allclose(found, model(x).detach().numpy(), rtol=0, atol=1e-6)
