import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from apus.compress.objects import source_digest
from apus.compress.recipe_file import from_table
from apus.compress.recipe_stages import AugmentPart
from apus.compress.sources import (
    as_split,
    as_splits,
    evaluation_batches,
    examples,
    from_recipe,
    training_batches,
)
from apus.data import Arrays
from apus.errors import DataError, RecipeError

X, Y = np.random.default_rng(0).random((30, 3)), np.arange(30)
SPLITS = [Arrays(X.astype(np.float32), Y), TensorDataset(torch.from_numpy(X).float(), torch.from_numpy(Y))]


@pytest.mark.parametrize("split", [*SPLITS, DataLoader(SPLITS[1], 7)])
def test_each_kind_of_split_is_read_whole_and_in_order(split):
    x, y = examples(split)
    assert y.tolist() == list(range(30))
    assert x.dtype == torch.float32
    assert torch.equal(examples(split)[0], x)


@pytest.mark.parametrize("split", SPLITS)
def test_training_is_shuffled_in_whole_batches(split):
    batches = [y.tolist() for _, y in training_batches(split, 8, AugmentPart(), 0).epoch(0)]
    assert [len(batch) for batch in batches] == [8, 8, 8]
    assert batches[0] != list(range(8))


def test_a_loader_cannot_be_augmented_by_us():
    with pytest.raises(RecipeError, match="own loader"):
        training_batches(SPLITS[1], 8, AugmentPart(flip=True), 0)


def test_arrays_and_tensors_become_float32():
    split = as_split((torch.zeros(4, 2, dtype=torch.float64), [1, 2, 3, 4]), "mine")
    assert split.x.dtype == np.float32
    assert len(evaluation_batches(split)) == 1


def test_without_a_test_split_validation_serves():
    splits = as_splits(((X, Y), (X[:5], Y[:5])), "mine")
    assert len(splits.test) == 5


@pytest.mark.parametrize("given", [3, (1,), ((X, Y), 4)])
def test_anything_else_is_refused_by_name(given):
    with pytest.raises(DataError, match="mine"):
        as_splits(given, "mine")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"data": {"source": "fashion-mnits"}}, "did you mean 'fashion-mnist'"),
        ({"teacher": {"weights": "absent.safetensors"}}, "no such file"),
        ({"student": {"model": ""}}, r"\[student\] model is missing"),
        ({"student": {"model": "math:sqrt", "arguments": {"x": 1}}}, "no keyword arguments"),
        ({"student": {"model": "builtins:dict"}}, "returned dict, not a torch.nn.Module"),
    ],
)
def test_what_a_recipe_names_must_exist(part, said):
    model = {"model": "apus.models.sparse_cnn:SparseCNN"}
    table = {name: model | part.get(name, {}) for name in ("teacher", "student")}
    with pytest.raises(RecipeError, match=said):
        from_recipe(from_table(part | table)).student()


def test_a_folder_of_images_is_known_by_its_files(tmp_path):
    def digest():
        model = {"model": "apus.models.sparse_cnn:SparseCNN"}
        table = {"data": {"source": str(tmp_path)}, "teacher": model, "student": model}
        return from_recipe(from_table(table)).digests["data"]

    image = tmp_path / "cat" / "a.png"
    image.parent.mkdir()
    image.write_bytes(b"1")
    before = digest()
    assert digest() == before
    image.write_bytes(b"12")
    assert digest() != before
    image.write_bytes(b"1")
    image.rename(tmp_path / "cat" / "b.png")
    assert digest() != before


def test_parts_of_our_own_are_known_by_their_file_alone():
    reference = "apus.models.sparse_cnn:SparseCNN"
    digests = from_recipe(from_table({"teacher": {"model": reference}, "student": {"model": reference}})).digests
    assert digests == {"teacher": source_digest(reference), "student": source_digest(reference), "data": "", "loss": ""}
