import pytest
from torch import nn

from apus.techniques.sparsity import Masks
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
    assert list(masks.layers) == ["attention.out_proj", "first"]
    assert masks.dense == left_dense(model)
    assert masks.dense == {
        "embed": "Embedding is not pruned",
        "gru": "GRU is not pruned",
        "attention": "MultiheadAttention is not pruned",
        "second": "shares its weight with first",
        "head": "shares its weight with embed",
    }


@pytest.mark.parametrize("wrap", [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm])
def test_a_weight_that_is_computed_is_refused(wrap):
    with pytest.raises(ValueError, match=r"1: its weight is computed"):
        Masks(nn.Sequential(nn.Linear(32, 32), wrap(nn.Linear(32, 32))))
