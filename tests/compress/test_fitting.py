"""One training of a stage, on the youngest: learned widths, from a recipe to a verified file."""

import signal
import subprocess
import sys
import time
import tomllib

import pytest
import torch
from own_recipe import RECIPE

from apus.artifact import read
from apus.compress import RunFolder, from_recipe, run, stages_of
from apus.compress.job import Job
from apus.compress.recipe_file import from_table
from apus.errors import NothingMatchedError, RecipeError
from apus.techniques import bayesian_bits as bb

BITS = """
[bits]
enabled = true
mu = 0.5
rate = 0.5
freeze = 0.7
start = 1.0
train = { epochs = 3, batch = 32, learning_rate = 0.002, optimizer = "adamw" }
"""


def table(**bits):
    made = tomllib.loads(RECIPE + BITS)
    made["data"]["arguments"] = {"count": 256}
    made["quantize"] = {"enabled": False}
    made["bits"] |= bits
    return made


@pytest.fixture
def own_parts(monkeypatch):
    """The user's script can be imported, as on the command line."""
    from pathlib import Path

    monkeypatch.syspath_prepend(Path(__file__).parent / "scripts")
    yield
    sys.modules.pop("own_parts", None)


def walked(folder, **bits):
    recipe = from_table(table(**bits))
    sources, lines = from_recipe(recipe), []
    run(recipe, sources, RunFolder(folder), say=lines.append)
    return Job(recipe, RunFolder(folder), sources, sources.splits()), lines


def test_the_whole_road_with_learned_widths(own_parts, tmp_path):
    job, lines = walked(tmp_path)
    done = job.folder.record("bits")
    assert done["relative_bops_pct"] < 6.25
    assert min(row["weight_bits"] for row in done["layers"]) < 8
    assert {row["name"] for row in done["layers"]} == {"stem", "deep", "point", "head"}
    assert job.folder.record("verify")["against"]["onnxruntime"]["passed"]
    assert read(tmp_path / "student.apus").metadata["stage"] == "bits"
    assert any("learn widths and pruning of channels, priced by bops, for 3 epochs" in line for line in lines)
    frozen = job.trained("bits")
    assert all(gates.frozen() for gates in frozen.modules() if isinstance(gates, bb.Gates))
    stems = job.trained("prune").point.weight == 0
    assert (frozen.point.layer.weight[stems] == 0).all() and stems.any()
    assert (tmp_path / "report.html").read_text().count("learned bits")


def test_a_price_in_microseconds_is_measured_once(own_parts, tmp_path):
    job, _ = walked(tmp_path, cost="latency", prune="16x1")
    costs = job.folder.read_json("bits/latency.json")
    assert set(costs) == {"stem", "deep", "point", "head"}
    assert all(len(of) == len(bb.WIDTHS) and min(of) > 0 for of in costs.values())
    layers = bb.bit_layers(job.with_bits(job.trained("prune"), costs))
    assert layers["point"].keep.phi.shape == (1, 16, 1, 1) and layers["deep"].keep is None
    assert layers["stem"].cost == costs["stem"][2]


def test_a_price_by_name_takes_the_place_of_the_cost(own_parts, tmp_path):
    job, _ = walked(tmp_path, cost="latency", prices={"deep": 1.0}, mu=10.0, open=1.0, prune="none")
    assert {row["name"]: row["weight_bits"] for row in job.folder.record("bits")["layers"]}["deep"] < 8
    assert not (job.folder / "bits" / "latency.json").exists()
    layers = bb.bit_layers(job.with_bits(job.trained("prune"), job.recipe.bits.prices))
    assert {name: layer.cost for name, layer in layers.items()} == {"stem": 0, "deep": 1, "point": 0, "head": 0}
    assert layers["deep"].weight_bits.gates.phi.tolist() == [1.0, 1.0, -6.0, -6.0]


def test_a_network_can_be_taken_as_it_starts(own_parts, tmp_path):
    recipe = from_table(table() | {"teacher": table()["teacher"] | {"train": {"epochs": 0}}})
    sources = from_recipe(recipe)
    run(recipe, sources, RunFolder(tmp_path), ["teacher"])
    job = Job(recipe, RunFolder(tmp_path), sources, sources.splits())
    found = job.folder.record("teacher")
    assert found["steps"] == 0 and found["seconds"] == 0
    made, kept = job.made("teacher").state_dict(), job.trained("teacher").state_dict()
    assert all(torch.equal(made[name], kept[name]) for name in made)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quantize": {"enabled": True}}, r"\[bits\] enabled = True: takes the place of \[quantize\]"),
        ({"bits": {"enabled": True, "train": {"optimizer": "sgd"}}}, "must be adamw"),
        ({"bits": {"enabled": True, "weight_bits": 3}}, "weight_bits = 3: must be 2, 4, 8, 16 or 32, or 0"),
        ({"bits": {"enabled": True, "cost": "latencies"}}, "latency"),
        ({"bits": {"enabled": True, "prices": {"head": -1.0}}}, "prices = .*: must hold numbers of 0 or more"),
        ({"bits": {"enabled": True, "open": 30.0}}, r"open = 30\.0: must lie in -20\.\.20"),
        ({"bits": {"enabled": True, "freeze": 1.5}}, "freeze = 1.5: must lie in 0..1"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(RecipeError, match=said):
        from_table(table() | change)


def test_a_layer_that_is_not_there_is_refused(own_parts, tmp_path):
    with pytest.raises(NothingMatchedError, match="'stemm' matches no layer"):
        walked(tmp_path, skip=["stemm"])


def test_recipes_without_it_are_as_before():
    recipe = from_table(tomllib.loads(RECIPE))
    assert "bits" not in stages_of(recipe) and "quantize" in stages_of(recipe)


def test_killed_before_and_after_the_freeze_it_ends_in_the_same_bits(workplace, tmp_path_factory):
    text = RECIPE.replace("[quantize]", "[quantize]\nenabled = false") + BITS
    text = text.replace("learning_rate", "checkpoint_steps = 3, learning_rate").replace("epochs = 3", "epochs = 1")
    calm = tmp_path_factory.mktemp("calm")
    words = [sys.executable, "-m", "apus.cli", "compress", "own.toml", "--stages", "teacher,student,prune,bits"]
    for folder in (workplace, calm):
        (folder / "own.toml").write_text("threads = 1\n" + text)
    (calm / "own_parts.py").write_text((workplace / "own_parts.py").read_text())
    assert subprocess.run(words, cwd=calm, capture_output=True, check=False).returncode == 0
    for pause in (0.0, 0.25):
        process = subprocess.Popen(words, cwd=workplace, stderr=subprocess.PIPE, text=True)
        checkpoint = workplace / "runs" / "own" / "bits" / "checkpoint.pt"
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None and (checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0) in (0, before):
            time.sleep(0.002)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert subprocess.run(words, cwd=workplace, capture_output=True, check=False).returncode == 0
    ends = [(folder / "runs" / "own" / "bits" / "weights.safetensors").read_bytes() for folder in (workplace, calm)]
    assert ends[0] == ends[1]
