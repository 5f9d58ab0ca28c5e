import sys

import pytest

from apus.compress.recipe_file import from_table
from apus.compress.sparseml import read_sparseml
from apus.errors import MissingExtraError, RecipeError

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


def test_a_stage_that_is_not_named_is_off(read):
    recipe = from_table(read(RANGE + PRUNING))
    assert recipe.prune.enabled
    assert not recipe.quantize.enabled
    assert recipe.prune.end == 0.6
    assert not from_table(read(RANGE + QUANTIZATION)).prune.enabled


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            RANGE + "more_modifiers:\n  - !MFACPruningModifier\n    start_epoch: 1\n",
            "unknown modifier MFACPruningModifier",
        ),
        (RANGE + PRUNING.replace("update_frequency", "phased"), "GMPruningModifier: no equal of 'phased'"),
        (RANGE + PRUNING.replace("type: unstructured", "type: [1, 4]"), "mask_type = \\[1, 4\\]"),
        (RANGE + PRUNING.replace("__ALL_PRUNABLE__", "[a]"), "params = \\['a'\\]"),
        (RANGE + PRUNING.replace("0.85", "eighty"), "final_sparsity = 'eighty'"),
        (RANGE + PRUNING.replace("30.0", "60.0"), "does not fit before epoch 50"),
        (RANGE + QUANTIZATION.replace("40.0", "50.0"), "nothing would be trained"),
        (RANGE + PRUNING + PRUNING.replace("pruning_", "other_"), "two of GMPruningModifier"),
        ("num_epochs: 3\n" + RANGE, "'num_epochs' is no list of modifiers"),
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
