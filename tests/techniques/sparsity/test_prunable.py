import pytest
import torch
from torch import nn

from apus.techniques.sparsity import Masks, hold_zeros, one_shot
from apus.techniques.sparsity.prunable import left_dense


def test_what_has_weights_and_is_not_pruned_is_listed():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.gru, self.attention = nn.Embedding(40, 32), nn.GRU(32, 32), nn.MultiheadAttention(32, 2)
            self.first, self.second, self.head = nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 40)
            self.second.weight, self.head.weight = self.first.weight, self.embed.weight

    model = Tied()
    masks = Masks(model)
    assert list(masks.layers) == [
        *("gru.weight_ih_l0", "gru.weight_hh_l0", "attention.in_proj_weight", "attention.out_proj", "first"),
    ]
    assert masks.dense == left_dense(model)
    assert masks.dense == {
        "embed": "Embedding is not pruned",
        "second": "shares its weight with first",
        "head": "shares its weight with embed",
    }


@pytest.mark.parametrize("wrap", [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm])
def test_a_weight_that_is_computed_is_refused(wrap):
    with pytest.raises(ValueError, match=r"1: its weight is computed"):
        Masks(nn.Sequential(nn.Linear(32, 32), wrap(nn.Linear(32, 32))))


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (nn.GRU(32, 32), (32,)),
        (nn.LSTM(32, 48, 2, bidirectional=True, proj_size=16), (32,)),
        (nn.RNN(32, 40), (32,)),
        (nn.MultiheadAttention(32, 2), (32, 32, 32)),
        (nn.MultiheadAttention(32, 2, kdim=16, vdim=16), (32, 16, 16)),
    ],
)
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_recurrent_layers_and_attention_lose_blocks_that_no_optimiser_revives(layer, inputs):
    torch.manual_seed(0)
    masks = Masks(layer, "16x1")
    optimizer = torch.optim.AdamW(layer.parameters(), 0.1)
    for _ in range(2):
        layer(*(torch.rand(5, 3, width) for width in inputs))[0].square().sum().backward()
        optimizer.step()
        masks.update(0.75)
    held = hold_zeros(layer)
    optimizer.step()
    held()
    for name, matrix in masks.layers.items():
        assert (matrix.weight == 0).float().mean() == pytest.approx(0.75, abs=0.05), name
        assert ((matrix.weight != 0) <= masks.kept[name]).all()


def test_no_block_spans_two_gates():
    gru = nn.GRU(20, 24)
    masks = Masks(gru, "16x1", gates={"weight_hh_l0": [1.0, 0.5, 0.0]})
    assert masks.blocks("weight_hh_l0", gru.weight_hh_l0).shape == (3, 2, 24)
    masks.update(0.8)
    shares = [float((gate == 0).float().mean()) for gate in gru.weight_hh_l0.chunk(3)]
    assert shares == pytest.approx([0.8, 0.4, 0.0], abs=0.05)


def test_one_shot_fits_no_recurrent_layer():
    model = nn.GRU(32, 32)
    with pytest.raises(ValueError, match="skip weight_ih_l0, weight_hh_l0"):
        one_shot(model, Masks(model), [torch.rand(5, 3, 32)], 0.5)
