"""Every recipe of this repository, in miniature: few examples, few steps, narrow networks, the same road."""

import copy
from pathlib import Path

import onnx
import pytest

from apus.compress import RunFolder, from_recipe, run
from apus.compress.recipe_file import from_table, read_recipe, to_table

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


def test_the_phone_student_is_a_twentieth_of_its_teacher():
    sources = from_recipe(read_recipe(RECIPES / "phone.toml"))
    teacher, student = (sum(p.numel() for p in make().parameters()) for make in (sources.teacher, sources.student))
    assert teacher <= 1_500_000
    assert 20 * student <= teacher
