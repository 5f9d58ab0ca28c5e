import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from apus.errors import NothingMatchedError
from apus.techniques import sparsity
from apus.techniques.sparsity import Masks, describe, table

PINNED_MASKS = ["c4a686e55e823fa3", "4f033895c7793852", "9c664c5c8d8f19ce"]


def test_cubic_is_the_formula():
    for step in range(40):
        z = sparsity.cubic(step, begin=10, end=30, final=0.9)
        t = min(max(step - 10, 0), 20)
        assert z == pytest.approx(0.9 * (1 - (1 - t / 20) ** 3))


@given(st.integers(1, 100), st.floats(0, 1))
def test_exactly_the_stated_share_is_dropped(count, share):
    kept = sparsity.keep_largest(torch.rand(count), share)
    assert int((~kept).sum()) == (count if share == 1 else min(round(share * count), count - 1))


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize(
    ("layer", "structure"),
    [
        (nn.Linear(64, 17), "16x1"),
        (nn.Linear(256, 100), "16x1"),
        (nn.Conv2d(7, 33, 3), "16x1"),
        (nn.Conv2d(7, 20, 3), "16x4"),
        (nn.Linear(66, 50), "16x4"),
    ],
)
def test_the_share_is_of_weights_where_blocks_are_cut_short(layer, structure, balance):
    masks = sparsity.Masks(nn.Sequential(layer), structure, balance=balance)
    masks.update(0.8)
    block = 16 * (4 if structure == "16x4" else 1)
    slack = 0.03 * layer.weight.numel() if balance else 0  # partitions keep as many blocks, also where these are short
    assert abs(int((layer.weight == 0).sum()) - 0.8 * layer.weight.numel()) <= block + slack


@pytest.mark.parametrize("layer", [nn.Linear(2, 16), nn.Conv2d(1, 16, 3), nn.Conv2d(3, 16, 1)])
@pytest.mark.parametrize("structure", ["16x1", "16x4", "unstructured"])
def test_no_layer_falls_silent(layer, structure):
    sparsity.Masks(nn.Sequential(layer), structure).update(0.95)
    assert layer.weight.any()


@pytest.mark.parametrize("share", [-0.5, 1.5, 80, float("nan"), float("inf")])
def test_what_is_no_share_is_refused(share):
    masks = sparsity.Masks(nn.Sequential(nn.Linear(32, 32)))
    masks.layers["0"].weight.grad = torch.ones(32, 32)
    for use in (
        masks.update,
        lambda value: sparsity.keep_largest(torch.rand(4), value),
        lambda value: sparsity.regrow(masks, value),
        lambda value: sparsity.gradually(masks, value, begin=0.0, end=0.5, every=1),
        lambda value: sparsity.gradually(masks, 0.5, begin=0.0, end=value, every=1),
        lambda value: sparsity.one_shot(nn.Sequential(masks.layers["0"]), masks, [torch.rand(40, 32)], value),
    ):
        with pytest.raises(ValueError, match=r"0\.\.1"):
            use(share)
    assert masks.layers["0"].weight.all()


def test_a_level_beyond_all_is_refused():
    masks = sparsity.Masks(nn.Sequential(nn.Linear(32, 32)), levels={"0": 1.5})
    with pytest.raises(ValueError, match=r"0: sparsity 1\.2"):
        masks.update(0.8)


@pytest.mark.parametrize(
    ("model", "structure", "said"),
    [
        (nn.Sequential(nn.Linear(32, 32)), "unstructured", "of 16x1, not of unstructured"),
        (nn.Sequential(nn.Linear(48, 32)), "16x1", "other layers than this network's: 0"),
        (nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 32)), "16x1", "other layers than this network's: 1"),
    ],
)
def test_masks_of_another_network_are_refused(model, structure, said):
    state = sparsity.Masks(nn.Sequential(nn.Linear(32, 32))).state_dict()
    with pytest.raises(ValueError, match=said):
        sparsity.Masks(model, structure).load_state_dict(state)


def test_block_score_is_mean_magnitude():
    weight = torch.arange(20 * 3.0).reshape(20, 3) * torch.tensor([1, -1, 1])
    scores = sparsity.block_scores(weight)
    assert scores.shape == (1, 2, 3)
    assert torch.allclose(scores[0, 0], weight[:16].abs().mean(0))
    assert torch.allclose(scores[0, 1], weight[16:].abs().mean(0))


def test_blocks_do_not_span_groups():
    weight = torch.zeros(48, 2, 3)
    weight[24:] = 1
    assert sparsity.block_scores(weight, 2)[:, :, 0].tolist() == [[0, 0], [1, 1]]
    kept = torch.tensor([True, False]).reshape(2, 1, 1).expand(2, 2, 6)
    assert sparsity.spread(kept, weight)[:24].all()
    assert not sparsity.spread(kept, weight)[24:].any()


@pytest.mark.parametrize("layer", [nn.Linear(37, 40), nn.Conv2d(8, 32, 3), nn.Conv1d(6, 20, 5)])
def test_16x1_zeros_whole_blocks(layer):
    masks = sparsity.Masks(nn.Sequential(layer))
    masks.update(0.75)
    columns = layer.weight.detach().reshape(layer.weight.shape[0], -1)
    for strip in columns.split(16):
        alive = strip != 0
        assert (alive.all(0) | ~alive.any(0)).all()
    (row,) = sparsity.describe(masks)
    assert row["density"] == pytest.approx(0.25, abs=0.02)
    assert row["block_occupancy"] == pytest.approx(0.25, abs=0.1)  # blocks at the ends are smaller


def test_smallest_blocks_go():
    layer = nn.Linear(4, 16, bias=False)
    layer.weight.data = torch.tensor([0.3, -0.1, 0.2, -0.4]).expand(16, 4).clone()
    sparsity.Masks(nn.Sequential(layer)).update(0.5)
    assert layer.weight[0].tolist() == pytest.approx([0.3, 0, 0, -0.4])


def test_unstructured_keeps_the_largest():
    layer = nn.Linear(10, 10)
    wanted = layer.weight.abs().flatten().topk(20).values.min()
    sparsity.Masks(nn.Sequential(layer), "unstructured").update(0.8)
    assert layer.weight.count_nonzero() == 20
    assert layer.weight[layer.weight != 0].abs().min() == wanted


def test_small_layers_stay_dense_and_are_listed():
    model = nn.Sequential(nn.Conv2d(16, 16, 3, groups=16), nn.Conv2d(16, 32, 1), nn.Linear(32, 10))
    masks = sparsity.Masks(model)
    assert list(masks.layers) == ["1"]
    assert masks.dense == {"0": "1 outputs per group, a block has 16", "2": "10 outputs per group, a block has 16"}
    assert [row.get("why") for row in sparsity.describe(masks)] == [None, *masks.dense.values()]


def test_levels_and_skip_by_name():
    model = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 32))
    masks = sparsity.Masks(model, skip=["0"], levels={"2": 0.5})
    masks.update(0.8)
    assert model[0].weight.count_nonzero() == 32 * 32
    assert [round(row["density"], 2) for row in sparsity.describe(masks)[:2]] == [0.2, 0.59]


@pytest.mark.parametrize("options", [{"skip": ["nope"]}, {"levels": {"nope": 1.0}}, {"skip": ["*"]}])
def test_nothing_matched_is_an_error(options):
    with pytest.raises(NothingMatchedError):
        sparsity.Masks(nn.Sequential(nn.Linear(16, 16)), **options)


def test_no_prunable_layer_is_an_error():
    with pytest.raises(NothingMatchedError, match="10 outputs per group"):
        sparsity.Masks(nn.Sequential(nn.Linear(16, 10)))


def test_a_structure_that_nothing_executes_is_refused():
    with pytest.raises(ValueError, match="16x1, 16x4, unstructured"):
        sparsity.Masks(nn.Sequential(nn.Linear(16, 16)), "4x4")


def test_masks_survive_optimiser_and_checkpoint():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(32, 32))
    masks = sparsity.Masks(model)
    masks.update(0.5)
    alive = model[0].weight != 0
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for _ in range(3):
        model(torch.rand(4, 32)).square().sum().backward()
        optimizer.step()
        masks.apply()
        assert ((model[0].weight != 0) == alive).all()
    other = sparsity.Masks(nn.Sequential(nn.Linear(32, 32)))
    other.load_state_dict(masks.state_dict())
    other.apply()
    assert ((other.layers["0"].weight != 0) == alive).all()
    assert other.sparsity == 0.5


def test_held_zeros_stay():
    model = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 4))
    sparsity.Masks(model).update(0.5)
    put_back = sparsity.hold_zeros(model)
    alive = model[0].weight != 0
    with torch.no_grad():
        model[0].weight.add_(1)
    put_back()
    assert ((model[0].weight != 0) == alive).all()
    assert sparsity.parameters_alive(model) == (32 * 16 + 32 + 32 * 4 + 4, 32 * 32 + 32 + 32 * 4 + 4)


def test_pinned_bits_of_the_masks():
    """Recipes rely on weights that come out the same, bit for bit; whole numbers, whose sums are exact anywhere."""
    model = nn.Sequential(nn.Conv2d(6, 40, 3), nn.Conv2d(32, 64, 1, groups=2), nn.Linear(37, 32))
    for layer in model:
        numbers = torch.arange(layer.weight.numel(), dtype=torch.float32) * 7919 % 1009 - 504
        layer.weight.data = numbers.reshape(layer.weight.shape)
    masks = sparsity.Masks(model)
    masks.update(0.3)
    masks.update(0.8)
    digests = [hashlib.sha256(kept.numpy().tobytes()).hexdigest()[:16] for kept in masks.kept.values()]
    assert digests == PINNED_MASKS


def test_the_table_has_a_line_per_layer():
    masks = Masks(nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 4)))
    masks.update(0.5)
    head, pruned, dense = table(describe(masks)).splitlines()
    assert head.split() == ["layer", "shape", "density", "blocks", "imbalance"]
    assert pruned.split()[:4] == ["0", "32x32", "50.0", "50.0"]
    assert dense.endswith("dense: 4 outputs per group, a block has 16")


@pytest.mark.parametrize("kind", [torch.optim.AdamW, lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9)])
def test_what_the_optimiser_remembers_revives_nothing(kind):
    torch.manual_seed(0)
    model = nn.Linear(32, 32)
    masks, optimizer, x = Masks(model), kind(model.parameters(), lr=0.1), torch.randn(64, 32)
    for step in range(1, 13):
        optimizer.zero_grad()
        (model(x) - x).square().mean().backward()
        optimizer.step()
        masks.update(0.5) if step == 6 else masks.apply()
    dead = ~masks.kept[""]
    assert dead.float().mean() == 0.5
    assert not model.weight[dead].any()
    loaded = Masks(nn.Linear(32, 32))
    loaded.load_state_dict(masks.state_dict())
    loaded.apply()
    assert not loaded.layers[""].weight[dead].any()
    assert loaded.layers[""].weight[~dead].all()
