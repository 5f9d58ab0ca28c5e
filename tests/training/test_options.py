import pytest
import torch
from torch import nn

from apus.training.options import TrainOptions, gains_by_bf16, make_optimizer


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


def test_groups_apart_keep_their_own_rate_and_do_not_decay():
    model = nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 2))
    apart = [{"params": [model[1].weight], "peak": 0.5, "steady": True}]
    groups = make_optimizer(model, TrainOptions(optimizer="adamw", weight_decay=0.1), apart).param_groups
    assert [group["peak"] for group in groups] == [0.1, 0.1, 0.5]
    assert groups[2]["weight_decay"] == 0.0
    assert not any(p is model[1].weight for group in groups[:2] for p in group["params"])
    with pytest.raises(ValueError, match="'sgd': gates and ranges learn by adamw"):
        make_optimizer(model, TrainOptions(), apart)


@pytest.mark.parametrize(
    ("brand", "has", "gains"),
    [
        ("Intel(R) Xeon(R) Processor", {"avx512_bf16", "amx_bf16"}, True),
        ("Intel(R) Xeon(R) Processor", {"avx512_bf16"}, False),
        ("AMD EPYC", {"avx512_bf16"}, True),
        ("AMD EPYC", set(), False),
    ],
)
def test_bf16_is_used_where_it_is_faster(monkeypatch, brand, has, gains):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(has, True))
    monkeypatch.setattr("apus.training.options.cpu", lambda: {"brand": brand})
    assert gains_by_bf16() is gains
