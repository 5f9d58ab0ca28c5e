import torch
from torch import nn

from apus.export import to_qdq
from apus.export.qdq import QdqActivation, QdqLayer
from apus.techniques import quantize


def test_every_quantised_module_is_swapped_and_the_original_kept():
    torch.manual_seed(0)
    ready = quantize.prepare(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2)), torch.rand(8, 4))
    kinds = [type(m) for m in to_qdq(ready).modules()]
    assert kinds.count(QdqLayer) == 2
    assert kinds.count(QdqActivation) == len(quantize.quantizers(ready)) == 2
    assert not any(isinstance(m, quantize.QuantLayer) for m in to_qdq(ready).modules())
    assert isinstance(ready.get_submodule("0"), quantize.QuantLayer)
