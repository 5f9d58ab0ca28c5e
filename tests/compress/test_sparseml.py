import sys

import pytest
from torch import nn

from apus.compress.recipe_file import from_table, read_recipe
from apus.compress.sparseml import read_sparseml
from apus.errors import MissingExtraError, RecipeError
from apus.techniques.sparsity import Masks

RANGE = "training_modifiers:\n  - !EpochRangeModifier\n    start_epoch: 0.0\n    end_epoch: 50.0\n"
PRUNING = """pruning_modifiers:
  - !GMPruningModifier
    params: __ALL_PRUNABLE__
    init_sparsity: 0.05
    final_sparsity: 0.85
    start_epoch: 4.0
    end_epoch: 30.0
    update_frequency: 0.5
    mask_type: unstructured
"""
QUANTIZATION = """quantization_modifiers:
  - !QuantizationModifier
    start_epoch: 40.0
    disable_quantization_observer_epoch: 45.0
"""


@pytest.fixture
def read(tmp_path):
    """Reads a recipe given as text; needs PyYAML."""
    pytest.importorskip("yaml")

    def reader(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return read_sparseml(path)

    return reader


def test_pruning_and_quantisation(read):
    recipe = from_table(read(RANGE + PRUNING + QUANTIZATION))
    assert (recipe.prune.structure, recipe.prune.sparsity) == ("unstructured", 0.85)
    assert (recipe.prune.begin, recipe.prune.end, recipe.prune.train.epochs) == (0.1, 0.75, 40.0)
    assert (recipe.quantize.weight_bits, recipe.quantize.activation_bits) == (8, 8)
    assert (recipe.quantize.train.epochs, recipe.quantize.freeze) == (10.0, 0.5)


def test_a_recipe_says_more_than_sparsemls(read, tmp_path):
    read(RANGE + PRUNING)
    own = '[student.train]\nepochs = 3\n[prune]\nstructure = "16x1"\n[prune.train]\nlearning_rate = 0.5\n'
    (tmp_path / "own.toml").write_text(own)
    recipe = read_recipe(tmp_path / "own.toml", tmp_path / "recipe.yaml")
    assert (recipe.prune.structure, recipe.prune.sparsity, recipe.prune.end) == ("16x1", 0.85, 0.6)
    assert (recipe.prune.train.epochs, recipe.prune.train.learning_rate) == (50.0, 0.5)
    assert recipe.student.train.epochs == 3 and not recipe.quantize.enabled and recipe.name == "own"


def test_a_stage_that_is_not_named_is_off(read):
    recipe = from_table(read(RANGE + PRUNING))
    assert recipe.prune.enabled
    assert not recipe.quantize.enabled
    assert recipe.prune.end == 0.6
    assert not from_table(read(RANGE + QUANTIZATION)).prune.enabled


def test_blocks_that_the_engine_skips(read):
    text = RANGE + PRUNING.replace("unstructured", "[16, 1]")
    assert from_table(read(text)).prune.structure == "16x1"
    assert from_table(read(text.replace("[16, 1]", "[16, 4]"))).prune.structure == "16x4"


def test_lists_of_weights_become_levels(read):
    named = PRUNING.replace("__ALL_PRUNABLE__", r"['0.weight', 're:layers\..*\.up.weight']")
    prune = from_table(read(RANGE + named)).prune
    assert (prune.sparsity, prune.levels) == (0.85, {"0": 1.0, "layers.*.up": 1.0, "*": 0.0})
    both = named + PRUNING.replace("pruning_", "other_").replace("0.85", "0.425")
    prune = from_table(read(RANGE + both)).prune
    assert (prune.sparsity, prune.levels) == (0.85, {"0": 1.0, "layers.*.up": 1.0, "*": 0.5})
    model = nn.Sequential(nn.Linear(32, 64), nn.Linear(64, 64))
    masks = Masks(model, "unstructured", levels={"0": 1.0, "*": 0.5})
    masks.update(prune.sparsity)
    zeros = [float((layer.weight == 0).float().mean()) for layer in model]
    assert zeros == pytest.approx([0.85, 0.425], abs=0.01)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            RANGE + "more_modifiers:\n  - !MFACPruningModifier\n    start_epoch: 1\n",
            "unknown modifier MFACPruningModifier",
        ),
        (RANGE + PRUNING.replace("update_frequency", "phased"), "GMPruningModifier: no equal of 'phased'"),
        (RANGE + PRUNING.replace("type: unstructured", "type: [1, 4]"), "mask_type = \\[1, 4\\]"),
        (RANGE + PRUNING.replace("type: unstructured", "type: block4"), "mask_type = 'block4'"),
        (RANGE + PRUNING.replace("__ALL_PRUNABLE__", "[layer.bias]"), "'layer.bias': name a layer's weight"),
        (RANGE + PRUNING.replace("__ALL_PRUNABLE__", "['re:(q|k).weight']"), "'re:\\(q\\|k\\).weight': name"),
        (RANGE + PRUNING.replace("__ALL_PRUNABLE__", "layer.weight"), "params = 'layer.weight': a list"),
        (RANGE + PRUNING.replace("0.85", "eighty"), "final_sparsity = 'eighty'"),
        (RANGE + PRUNING.replace("30.0", "60.0"), "does not fit before epoch 50"),
        (RANGE + QUANTIZATION.replace("40.0", "50.0"), "nothing would be trained"),
        (RANGE + PRUNING + PRUNING.replace("pruning_", "other_").replace("30.0", "20.0"), "differ in end_epoch"),
        (RANGE + QUANTIZATION + QUANTIZATION.replace("quantization_mod", "other_mod"), "two of QuantizationModifier"),
        ("num_epochs: 3\n" + RANGE, "'num_epochs' is no list of modifiers"),
        (RANGE.replace("start_epoch: 0.0", "start_epoch: 3.0") + PRUNING, "EpochRangeModifier: start_epoch = 3.0"),
        (RANGE + QUANTIZATION.replace("45.0", "60.0"), "observers stop at epoch 60.0"),
        (PRUNING, "no EpochRangeModifier"),
        ("a: [", "not YAML"),
    ],
)
def test_what_has_no_equal_is_named(read, text, named):
    with pytest.raises(RecipeError, match=named):
        read(text)


def test_code_in_a_recipe_is_not_run(read):
    with pytest.raises(RecipeError):
        read(RANGE + "x_modifiers:\n  - !!python/object/apply:os.getcwd []\n")


def test_without_yaml_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match="pip install pyyaml"):
        read_sparseml(tmp_path / "recipe.yaml")


def test_a_missing_file_is_named(tmp_path):
    pytest.importorskip("yaml")
    with pytest.raises(RecipeError, match=r"nope\.yaml"):
        read_sparseml(tmp_path / "nope.yaml")


def test_markdown_around_a_recipe_is_left_out(read):
    assert read(f"---\n{RANGE}{PRUNING}---\n# ResNet-50\n\nPruned to 85 %.\n") == read(RANGE + PRUNING)


def test_observers_may_never_stop(read):
    never = QUANTIZATION.replace("epoch: 45.0", "epoch: -1")
    assert read(RANGE + never)["quantize"]["freeze"] == 1.0
