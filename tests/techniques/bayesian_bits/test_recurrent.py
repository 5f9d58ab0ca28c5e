"""GRU and LSTM taken apart compute what they computed, learn their widths, and run."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import apus
from apus.export import INPUT, export
from apus.techniques import bayesian_bits as bb
from apus.techniques.bayesian_bits.apart import opened
from apus.techniques.bayesian_bits.recurrent import OpenRecurrent


class Last(nn.Module):
    """A class from the last output."""

    def __init__(self, kind):
        super().__init__()
        self.rnn, self.head = kind(12, 16, batch_first=True), nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
@pytest.mark.parametrize(
    "options", [{}, {"bias": False}, {"batch_first": True}, {"num_layers": 2, "bidirectional": True}]
)
@pytest.mark.parametrize("given", [False, True])
def test_it_is_the_same_function(kind, options, given):
    torch.manual_seed(0)
    whole = kind(5, 7, **options).eval()
    x = torch.randn(3, 4, 5)
    B, layers = (3 if whole.batch_first else 4), whole.num_layers * (2 if whole.bidirectional else 1)
    h, c = torch.randn(2, layers, B, 7)
    state = (h if kind is nn.GRU else (h, c)) if given else None
    wanted, last = whole(x, state)
    got, end = OpenRecurrent(whole).eval()(x, state)
    torch.testing.assert_close(got, wanted, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(end, last, atol=2e-6, rtol=1e-5)


def test_one_sequence_without_a_batch():
    torch.manual_seed(0)
    whole, x = nn.LSTM(5, 7).eval(), torch.randn(3, 5)
    torch.testing.assert_close(OpenRecurrent(whole).eval()(x), whole(x), atol=2e-6, rtol=1e-5)


def test_what_it_cannot_say():
    closed = nn.LSTM(5, 7, proj_size=3)
    assert opened(closed) is closed
    packed = nn.utils.rnn.pack_sequence([torch.randn(3, 5), torch.randn(2, 5)])
    with pytest.raises(TypeError, match="PackedSequence"):
        opened(nn.GRU(5, 7))(packed)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_it_learns_its_widths(kind):
    torch.manual_seed(0)
    x, y = torch.randn(16, 6, 12), torch.arange(16) % 4
    model = bb.prepare(Last(kind), x)
    assert set(bb.bit_layers(model)) == {"rnn.ih_l0", "rnn.hh_l0", "head"}
    rates = {"weights": 0.01, "gates": 0.3, "ranges": 0.01}
    optimizer = torch.optim.Adam([{"params": p, "lr": rates[name]} for name, p in bb.parameter_groups(model).items()])
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(x), y) + 0.05 * bb.penalty(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    bb.freeze(model)
    widths = {layer["name"]: layer["weight_bits"] for layer in bb.describe(model)}
    assert min(widths.values()) < 8
    assert 0 < bb.relative_bops(bb.learned(model.eval(), x)) < 6.25


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_torch_onnxruntime_and_engine_agree(kind, bits, tmp_path):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 12)
    wide = bb.fixed(bits)
    model = bb.prepare(Last(kind), x, weights=wide, inputs=wide, prune=None).eval()
    file = tmp_path / "model.onnx"
    export(model, x, file)
    with torch.no_grad():
        wanted = model(x).numpy()
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for told in (session.run(None, {INPUT: x.numpy()})[0], apus.Session(str(file)).run(None, {INPUT: x.numpy()})[0]):
        np.testing.assert_allclose(told, wanted, rtol=0, atol=1e-5 * np.ptp(wanted))
