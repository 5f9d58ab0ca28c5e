import pytest
import torch
from torch import nn

from apus.techniques.sparsity import Masks, keep_by_gate, regrow


def masks(gates, structure="16x1", **options):
    torch.manual_seed(0)
    return Masks(nn.Sequential(nn.Linear(40, 96), nn.Linear(96, 32)), structure, gates={"0": gates}, **options)


@pytest.mark.parametrize("structure", ["16x1", "16x4", "unstructured"])
def test_each_gate_has_its_own_sparsity(structure):
    found = masks([1.0, 0.5, 0.0], structure)
    found.update(0.8)
    shares = [(part == 0).float().mean().item() for part in found.layers["0"].weight.chunk(3)]
    assert shares == pytest.approx([0.8, 0.4, 0.0], abs=0.03)
    assert (found.layers["1"].weight == 0).float().mean() == pytest.approx(0.8, abs=0.03)


def test_rigl_keeps_each_gate_as_sparse():
    found = masks([1.0, 0.5])
    found.update(0.5)
    before = [int(part.sum()) for part in found.kept["0"].chunk(2)]
    for layer in found.layers.values():
        layer.weight.grad = torch.rand_like(layer.weight)
    regrow(found, 0.3)
    assert [int(part.sum()) for part in found.kept["0"].chunk(2)] == before


@pytest.mark.parametrize(
    ("gates", "options", "said"),
    [
        ([1.0, 1.0, 1.0, 1.0], {}, "0: 96 rows are no 4 gates of 16"),
        ([], {}, "no 0 gates"),
        ([1.0, -1.0], {}, "≥ 0"),
        ([1.0, 1.0], {"balance": True}, "balance=True cannot hold"),
        ([1.0, 1.0], {"target": "global"}, "levels are relative"),
    ],
)
def test_what_cannot_be_gates_is_refused(gates, options, said):
    with pytest.raises(ValueError, match=said):
        masks(gates, **options)


def test_first_rows_are_the_first_gate():
    assert keep_by_gate(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), [0.5, 0.5]).tolist() == [[[False, True]] * 2]
