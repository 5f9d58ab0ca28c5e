"""Attention taken apart computes what it computed, in every form that torch's own takes."""

import pytest
import torch
from torch import nn

from apus.techniques import bayesian_bits as bb
from apus.techniques.bayesian_bits.apart import opened
from apus.techniques.bayesian_bits.attention import OpenAttention

CAUSAL = nn.Transformer.generate_square_subsequent_mask(5)
PADDED = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "masks",
    [
        {},
        {"attn_mask": CAUSAL},
        {"attn_mask": CAUSAL < 0, "key_padding_mask": PADDED},
        {"attn_mask": torch.randn(8, 5, 5, generator=torch.Generator().manual_seed(1)), "need_weights": False},
        {"average_attn_weights": False},
    ],
    ids=["plain", "causal", "bool", "each", "heads"],
)
def test_it_is_the_same_function(batch_first, bias, masks):
    torch.manual_seed(0)
    whole = nn.MultiheadAttention(16, 4, batch_first=batch_first, bias=bias).eval()
    x = torch.randn(2, 5, 16)
    x = x if batch_first else x.transpose(0, 1)
    wanted, weights = whole(x, x, x, **masks)
    got, own = OpenAttention(whole).eval()(x, x, x, **masks)
    torch.testing.assert_close(got, wanted, atol=2e-6, rtol=1e-5)
    assert (own is None) == (weights is None)
    if weights is not None:
        torch.testing.assert_close(own, weights, atol=2e-6, rtol=1e-5)


def test_other_widths_of_keys_and_one_example_alone():
    torch.manual_seed(0)
    whole = nn.MultiheadAttention(16, 2, kdim=6, vdim=10).eval()
    q, k, v = torch.randn(5, 16), torch.randn(7, 6), torch.randn(7, 10)
    for got, wanted in zip(OpenAttention(whole).eval()(q, k, v), whole(q, k, v), strict=True):
        torch.testing.assert_close(got, wanted, atol=2e-6, rtol=1e-5)


def test_what_it_cannot_say_stays_closed():
    closed = nn.MultiheadAttention(8, 2, add_bias_kv=True)
    assert opened(closed) is closed
    assert isinstance(opened(nn.Sequential(nn.MultiheadAttention(8, 2)))[0], OpenAttention)


def test_a_transformer_of_torch_learns_its_widths_and_runs_in_evaluation():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model, x = nn.TransformerEncoder(layer, 2).eval(), torch.randn(2, 5, 16)
    ready = bb.prepare(model, x, weights=bb.fixed(8, per_channel=True), inputs=bb.fixed(8), prune=None)
    names = {name for name in bb.bit_layers(ready) if name.startswith("layers.0.")}
    assert names == {f"layers.0.{n}" for n in ("self_attn.q", "self_attn.k", "self_attn.v", "self_attn.out")} | {
        "layers.0.linear1",
        "layers.0.linear2",
    }
    ready(x).sum().backward()
    model.use_nested_tensor = False  # torch warns of them
    with torch.no_grad():
        answers = ready.eval()(x, src_key_padding_mask=PADDED)
        torch.testing.assert_close(answers[~PADDED], model(x, src_key_padding_mask=PADDED)[~PADDED], atol=0.1, rtol=0)
