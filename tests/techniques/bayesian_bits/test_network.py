import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from apus.errors import NothingMatchedError
from apus.techniques import bayesian_bits as bb

X = torch.randn(512, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > X[:, 1]).long()


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))


def train(model, mu, steps=90):
    torch.manual_seed(1)
    groups = bb.parameter_groups(model)
    optimizer = torch.optim.Adam(
        [
            {"params": groups["weights"], "lr": 0.015},
            {"params": groups["gates"], "lr": 0.15},
            {"params": groups["ranges"], "lr": 0.001},
        ]
    )
    for _ in range(steps):
        optimizer.zero_grad()
        (F.cross_entropy(model(X), Y) + mu * bb.penalty(model)).backward()
        optimizer.step()
    return model


def accuracy(model):
    return (model.eval()(X).argmax(1) == Y).float().mean().item()


def test_penalty_by_hand():
    model = bb.prepare(net(), X)
    shares = [6 * 16 / 256, 1.0, 2 * 16 / 256]
    on = [1 / (1 + math.exp(-(phi - 2 / 3 * math.log(0.1 / 1.1)))) for phi in (6.0, 6.0, -6.0, -6.0)]
    price, chance = 2.0, 1.0
    for bits, q in zip((4, 8, 16, 32), on, strict=True):
        chance *= q
        price += bits * chance
    kept = [on[0], on[0], 1.0]
    inputs = [14.0, price, price]  # the network's input has 8 bits: 2 + 4 + 8
    wanted = sum(share * (k * price + i) for share, k, i in zip(shares, kept, inputs, strict=True))
    assert bb.penalty(model).item() == pytest.approx(wanted, rel=1e-5)


def test_penalty_lowers_bits_and_prunes_and_the_task_is_still_learnt():
    free, priced = train(bb.prepare(net(), X), 0.0), train(bb.prepare(net(), X), 0.02)
    cost = [bb.relative_bops(bb.learned(model, X)) for model in (free, priced)]
    assert cost[1] < 0.5 * cost[0]
    assert accuracy(free) > 0.95 and accuracy(priced) > 0.9
    assert min(row["weight_bits"] for row in bb.describe(priced)) < 8
    assert sum(row["kept"] for row in bb.describe(priced)) < sum(row["kept"] for row in bb.describe(free))


def test_fixed_widths_have_a_constant_price():
    model = bb.prepare(net(), X, weights=bb.fixed(4), inputs=bb.fixed(4), prune=None)
    price = bb.penalty(model)
    assert not price.requires_grad
    assert bb.parameter_groups(model)["gates"] == []


def test_freeze_keeps_the_decision_and_trains_on():
    model = train(bb.prepare(net(), X), 0.02, steps=60)
    before, rows = model.eval()(X), [{**r, "gates": 0} for r in bb.describe(model)]
    bb.freeze(model)
    assert torch.equal(model.eval()(X), before)
    assert torch.equal(model.train()(X), before)  # nothing is drawn any more
    assert [{**r, "gates": 0} for r in bb.describe(model)] == rows
    train(model, 0.02, steps=5)
    assert [{**r, "gates": 0} for r in bb.describe(model)] == rows
    assert not torch.equal(model.eval()(X), before)


@pytest.mark.parametrize("frozen", [False, True])
def test_state_dict_holds_everything(frozen):
    model = train(bb.prepare(net(), X), 0.02, steps=20)
    if frozen:
        bb.freeze(model)
    other = bb.prepare(net(), X.abs())  # other ranges, other signs: all must come from the state
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.eval()(X), model.eval()(X))
    train(model, 0.02, steps=3)
    train(other, 0.02, steps=3)
    assert torch.equal(other.eval()(X), model.eval()(X))


def test_deep_copies_stand_alone():
    model = bb.prepare(net(), X)
    twin = copy.deepcopy(model)
    train(model, 0.02, steps=3)
    assert not torch.equal(twin.eval()(X), model.eval()(X))
    train(twin, 0.02, steps=3)
    assert not torch.equal(twin.eval()(X), bb.prepare(net(), X).eval()(X))


def test_groups_are_all_parameters_once():
    model = bb.prepare(net(), X)
    groups = bb.parameter_groups(model)
    ids = [id(p) for group in groups.values() for p in group]
    fixed = id(model[0].input_bits.gates.phi)  # the input's 8 bits do not move
    assert len(ids) == len(set(ids)) and {*ids, fixed} == {id(p) for p in model.parameters()}


def test_a_layer_without_outputs_has_0_bits():
    model = bb.prepare(net(), X)
    with torch.no_grad():
        model[2].keep.phi.fill_(-6)
    row = bb.describe(model)[1]
    assert (row["kept"], row["weight_bits"], row["input_bits"]) == (0, 0, 0)


def test_a_plain_network_is_refused():
    for verb in (bb.penalty, bb.describe, bb.freeze):
        with pytest.raises(NothingMatchedError, match="prepare"):
            verb(net())


def test_what_was_decided_stays_so_when_it_is_loaded_and_decays():
    frozen = train(bb.prepare(net(), X), 0.1, steps=5)
    bb.freeze(frozen)
    model = bb.prepare(net(), X)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, weight_decay=1e-4)
    F.cross_entropy(model(X), Y).backward()  # leaves gradients of φ
    model.load_state_dict(frozen.state_dict())
    for _ in range(2):
        optimizer.step()
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y).backward()
    assert not any(p.isnan().any() for p in model.parameters())
    assert not bb.parameter_groups(model)["gates"]
    assert [row["weight_bits"] for row in bb.describe(model)] == [row["weight_bits"] for row in bb.describe(frozen)]
