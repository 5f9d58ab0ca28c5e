"""The Python face: `apus.compress(...)` on any networks and loaders."""

import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import apus
from apus.compress import as_recipe
from apus.compress.recipe import Recipe
from apus.errors import RecipeError

QUICK = {"epochs": 2, "batch": 32, "learning_rate": 0.02}
RECIPE = {
    "name": "objects",
    "student": {"train": QUICK},
    "prune": {"sparsity": 0.5, "train": QUICK | {"epochs": 1}},
    "quantize": {"train": QUICK | {"epochs": 1, "learning_rate": 0.002}},
    "measure": {"batches": [2], "threads": [1], "seconds": 0.05},
}


@pytest.fixture
def parts(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    monkeypatch.syspath_prepend(str(workplace))
    import own_parts

    torch.manual_seed(0)
    yield own_parts
    sys.modules.pop("own_parts", None)


def trained(model, batches):
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(2):
        for x, y in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model


def test_networks_and_loaders_as_objects(parts, workplace):
    train, valid, test = parts.loaders(384)
    teacher, student = trained(parts.teacher(24), train), parts.student()
    before = [p.clone() for model in (teacher, student) for p in model.parameters()]
    result = apus.compress(teacher, student, train, valid, RECIPE, test=test)
    assert result.folder.resolve() == workplace / "runs" / "objects"
    assert result.report["verify"]["against"]["onnxruntime"]["passed"]
    assert result.report["verify"]["examples"] == 200
    assert result.report["verify"]["student_accuracy_pct"] > 70
    assert all(torch.equal(a, b) for a, b in zip(before, [*teacher.parameters(), *student.parameters()], strict=True))
    (logits,) = apus.Session(result.apus, threads=1).run(None, {"input": valid.dataset[0][0][None].numpy()})
    assert logits.shape == (1, 4)


def test_targets_need_not_be_classes_and_stages_may_be_off(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    torch.manual_seed(0)
    x = torch.randn(256, 6)
    y = x @ torch.randn(6, 2)
    recipe = {
        "name": "regression",
        "teacher": {"train": QUICK | {"epochs": 20}},
        "student": {"train": QUICK | {"epochs": 20}, "distil": {"loss": "mse", "alpha": 0.5}},
        "prune": {"enabled": False},
        "quantize": {"enabled": False},
        "measure": RECIPE["measure"],
    }
    nets = [nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 2)) for width in (64, 32)]
    result = apus.compress(*nets, (x, y), (x, y), recipe, loss=F.mse_loss, train_teacher=True)
    verified = result.report["verify"]
    assert verified["student_accuracy_pct"] is None
    assert verified["student_loss"] < 0.5 * float(y.var())
    assert [stage["stage"] for stage in result.report["stages"]] == ["teacher", "student"]
    assert verified["against"]["onnxruntime"]["max_difference"] < 1e-4


def test_a_recipe_in_any_form(workplace):
    assert as_recipe(Recipe()) == Recipe()
    assert as_recipe({"prune": {"sparsity": 0.5}}).prune.sparsity == 0.5
    assert as_recipe(str(workplace / "own.toml")).name == "own"
    with pytest.raises(RecipeError, match="not int"):
        as_recipe(3)
    with pytest.raises(RecipeError, match="unknown key 'prun'"):
        as_recipe({"prun": {}})
