"""Every recipe of this repository, in miniature: few examples, few steps, narrow networks, the same road."""

import copy
from pathlib import Path

import numpy as np
import onnx
import pytest

from apus.artifact import read
from apus.compress import RunFolder, from_recipe, run
from apus.compress.recipe_file import from_table, read_recipe, to_table
from apus.data import Dataset
from apus.data.texts import Texts

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {"images": [32, 32], "phone": [16, 32]}


def miniature(name):
    table = copy.deepcopy(to_table(read_recipe(RECIPES / f"{name}.toml")))
    table["data"] |= {"source": "digits", "limit": 48, "valid": 48}
    table["teacher"]["arguments"] = {"widths": SMALL[name]}
    table["student"]["arguments"] = {"widths": SMALL[name], "strides": [2, 2]}
    for stage in ("teacher", "student", "prune", "quantize"):
        table[stage]["train"] |= {"epochs": 1.0, "batch": 16}
    return from_table(table)


@pytest.mark.parametrize("name", SMALL)
def test_the_road_is_whole(name, tmp_path):
    recipe, folder = miniature(name), RunFolder(tmp_path)
    lines = []
    stages = [s for s in ("teacher", "student", "prune", "quantize") if s != "prune" or recipe.prune.enabled]
    run(recipe, from_recipe(recipe), folder, [*stages, "export", "compile"], say=lines.append)
    assert sum("done in" in line for line in lines) == len(stages) + 2
    kinds = {node.op_type for node in onnx.load(folder / "student.onnx").graph.node}
    assert {"Conv", "QuantizeLinear", "DequantizeLinear"} <= kinds
    assert (folder / "student.apus").exists()


def few_texts():
    """As `load_glosses` has them, of few words."""
    rng = np.random.default_rng(0)
    x = rng.integers(1, 50, (112, 32))
    x[np.arange(32) >= rng.integers(3, 32, 112)[:, None]] = 0
    train, valid = (Texts(part, part[:, 0] % 26) for part in (x[:64], x[64:]))
    return Dataset("texts", train, valid, valid)


def test_the_road_of_text_is_whole(tmp_path):
    table = copy.deepcopy(to_table(read_recipe(RECIPES / "text.toml")))
    small = {"classes": 26, "width": 24, "inner": 48, "vocabulary": 50, "longest": 32}
    table["data"] |= {"source": "tests.compress.test_recipes:few_texts"}
    table["teacher"] |= {"model": "apus.models.minilm:MiniLM", "arguments": small}
    table["student"]["arguments"] |= small
    for stage in ("teacher", "student", "prune", "quantize"):
        table[stage]["train"] |= {"epochs": 1.0, "batch": 16}
    recipe, folder = from_table(table), RunFolder(tmp_path)
    stages = ["teacher", "student", "prune", "quantize", "export", "compile", "verify"]
    run(recipe, from_recipe(recipe), folder, stages, say=lambda line: None)
    operators = [node.op for node in read(folder / "student.apus").nodes]
    assert operators.count("attention") == 3
    assert folder.read_json("verify.json")["against"]["onnxruntime"]["passed"]


def test_the_phone_student_is_a_twentieth_of_its_teacher():
    sources = from_recipe(read_recipe(RECIPES / "phone.toml"))
    teacher, student = (sum(p.numel() for p in make().parameters()) for make in (sources.teacher, sources.student))
    assert teacher <= 1_500_000
    assert 20 * student <= teacher
