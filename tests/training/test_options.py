import torch
from torch import nn

from apus.training.options import TrainOptions, has_bf16, make_optimizer


def test_only_weights_decay():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    model[2].bias.requires_grad_(False)
    optimizer = make_optimizer(model, TrainOptions(weight_decay=0.1))
    decayed, plain = optimizer.param_groups
    assert [p.ndim for p in decayed["params"]] == [4, 2]
    assert len(plain["params"]) == 3
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)


def test_each_optimizer_is_the_one_named():
    model = nn.Sequential(nn.Conv2d(2, 4, 3))
    kinds = [type(make_optimizer(model, TrainOptions(optimizer=name))).__name__ for name in ("sgd", "adamw", "muon")]
    assert kinds == ["SGD", "AdamW", "Muon"]


def test_bf16_needs_the_instructions():
    named = torch.cpu.get_capabilities()
    assert has_bf16() == bool(named.get("avx512_bf16") or named.get("amx_bf16"))
