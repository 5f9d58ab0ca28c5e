import dataclasses
from pathlib import Path

import pytest

from apus.compress.recipe import Recipe
from apus.compress.recipe_file import from_table, read_recipe, to_table, to_toml
from apus.errors import RecipeError
from apus.training import TrainOptions

ROOT = Path(__file__).parents[2]


def write(folder, text):
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_toml_and_dataclass_are_one_to_one(tmp_path):
    recipe = from_table(
        {
            "name": "odd",
            "data": {"source": "a:b", "arguments": {"depth": 3, "names": ["x", "y"], "deep er": {"on": True}}},
            "prune": {"skip": ["a.*", 'quo"te'], "levels": {"head.*": 0.5}, "train": {"learning_rate": 1e-5}},
        }
    )
    assert read_recipe(write(tmp_path, to_toml(recipe))) == recipe
    assert from_table(to_table(recipe)) == recipe


def test_every_default_can_be_written():
    assert from_table(to_table(Recipe())) == Recipe()


def test_the_file_names_the_run(tmp_path):
    assert read_recipe(write(tmp_path, "")).name == "mine"


def test_whole_numbers_may_stand_for_floats():
    assert from_table({"prune": {"train": {"epochs": 3}}}).prune.train == TrainOptions(epochs=3.0)


def test_a_stages_own_defaults_hold_where_its_table_is_silent():
    own = Recipe().bits.train
    assert from_table({"bits": {"train": {"epochs": 3}}}).bits.train == dataclasses.replace(own, epochs=3.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[prune]\nsparsty = 0.5", r"mine\.toml: \[prune\]: unknown key 'sparsty'; did you mean 'sparsity'"),
        ("[prunes]", r"mine\.toml: unknown key 'prunes'; did you mean 'prune'"),
        ("[prune.train]\nepoch = 1", r"\[prune\.train\]: unknown key 'epoch'; did you mean 'epochs'"),
        ("[prune]\nsparsity = 'high'", r"\[prune\] sparsity = 'high': must be float, not str"),
        ("threads = 2.5", r"mine\.toml: threads = 2\.5: must be int, not float"),
        ("threads = true", r"threads = True: must be int, not bool"),
        ("[teacher.train]\nbf16 = 1", r"\[teacher\.train\] bf16 = 1: must be bool"),
        ("[measure]\nbatches = 1", r"\[measure\] batches = 1: must be a list of int"),
        ("[measure]\nbatches = ['a']", r"\[measure\] batches = 'a': must be int"),
        ("[prune]\nlevels = {a = 'b'}", r"\[prune\] levels = 'b': must be float"),
        ("teacher = 3", r"\[teacher\]: must be a table of keys, not 3"),
        ("[prune]\nstructure = '16x2'", r"\[prune\] structure = '16x2': did you mean '16x4'"),
        ("[teacher.train]\noptimizer = 'adam'", r"did you mean 'adamw'\? \(choices: sgd, adamw, muon\)"),
        ("[prune]\nsparsity = 1.5", r"\[prune\] sparsity = 1\.5: must lie in 0\.\.1"),
        ("[quantize]\nweight_bits = 9", r"\[quantize\] weight_bits = 9: must lie in 2\.\.8"),
        ("[student.train]\nepochs = -1", r"\[student\.train\] epochs = -1\.0: must be 0 or more"),
        ("[measure]\nthreads = []", r"\[measure\] threads = \[\]: must hold numbers above 0"),
        ("name = '../up'", r"name = '\.\./up': must be a plain word"),
        ("[prune.train]\nepochs = inf", r"\[prune\.train\] epochs = inf: must be a finite number"),
        ("[data]\necho = nan", r"\[data\] echo = nan: must be a finite number"),
        ("[prune]\nlevels = {a = nan}", r"\[prune\] levels = nan: must be a finite number"),
        ("[prune\n", r"mine\.toml: not TOML"),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path, text, said):
    with pytest.raises(RecipeError, match=said):
        read_recipe(write(tmp_path, text))


def test_a_missing_file_names_its_neighbours(tmp_path):
    write(tmp_path, "")
    with pytest.raises(RecipeError, match=r"did you mean .*mine\.toml"):
        read_recipe(tmp_path / "mien.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda path: path.name)
def test_our_own_recipes_can_be_read(path):
    recipe = read_recipe(path)
    assert dataclasses.is_dataclass(recipe)
    assert recipe.teacher.model
