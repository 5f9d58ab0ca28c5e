"""What cannot work is said before the first step of the first stage, by stage and name."""

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from own_recipe import RECIPE
from torch import nn

from apus.compress import RunFolder, Splits, from_objects, from_recipe, run
from apus.compress.job import Job
from apus.compress.recipe import Recipe
from apus.compress.recipe_file import from_table
from apus.compress.recipe_stages import DistilPart, PrunePart, QuantizePart, StudentPart, TeacherPart
from apus.compress.teach import Lesson
from apus.data import Arrays
from apus.errors import NothingMatchedError, RecipeError
from apus.techniques import distill
from apus.training import TrainOptions

STEPS = TrainOptions(1, 8, "adamw", 1e-3, weight_decay=0.0)


@pytest.mark.parametrize(
    ("section", "keys", "error", "said"),
    [
        ("teacher", {"arguments": {"wide": 3}}, RecipeError, r"wide"),
        ("student", {"initialise": {"head": "hed"}}, NothingMatchedError, r"^\[student\] 'hed' matches no module"),
        ("student", {"initialise": {"point": "point"}}, RecipeError, r"^\[student\] .*point"),
        ("student", {"distil": {"hidden": {"pint": "point"}}}, NothingMatchedError, r"^\[student.distil\] .*'pint'"),
        ("student", {"distil": {"cache": True}, "augment": {"shift": 1}}, RecipeError, r"^\[student.distil\] cache"),
        ("prune", {"skip": ["hed"]}, NothingMatchedError, r"^\[prune\] 'hed' matches no layer"),
        ("prune", {"gates": {"head": [1.0, 1.0]}}, NothingMatchedError, r"^\[prune\] 'head' matches only what stays"),
        ("prune", {"gates": {"point": [1.0, 1.0, 1.0]}}, RecipeError, r"^\[prune\] point: 16 rows are no 3 gates"),
        ("prune", {"distil": {"attention": {"point": "point"}}}, RecipeError, r"^\[prune.distil\] attention: point"),
        ("quantize", {"skip": ["hed"]}, NothingMatchedError, r"^\[quantize\] 'hed' matches no layer"),
        ("quantize", {"distil": {"hidden": {"hed": "head"}}}, NothingMatchedError, r"^\[quantize.distil\] .*'hed'"),
    ],
)
def test_a_slip_in_a_later_stage_is_said_before_the_first(tmp_path, monkeypatch, section, keys, error, said):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "scripts"))
    table = tomllib.loads(RECIPE)
    table["data"]["arguments"] = {"count": 64}
    table[section] = table[section] | keys
    recipe = from_table(table)
    try:
        with pytest.raises(error, match=said):
            run(recipe, from_recipe(recipe), RunFolder(tmp_path), say=lambda line: None)
    finally:
        sys.modules.pop("own_parts", None)
    assert not (tmp_path / "teacher").exists()


def splits(x, y):
    part = Arrays(x, y)
    return Splits("examples", part, part, part)


def images(side=8):
    """A class for each pixel."""
    rng = np.random.default_rng(0)
    return rng.random((16, 2, side, side), np.float32), rng.integers(0, 3, (16, side, side))


def per_pixel(classes=3):
    return nn.Sequential(nn.Conv2d(2, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, classes, 1))


def lesson_of(tmp_path, teacher, student, parts, own=None, **how):
    recipe = Recipe(student=StudentPart(distil=DistilPart(alpha=1.0, temperature=1.0, **how), train=STEPS))
    sources = from_objects(teacher, student, parts, own, teacher_is_trained=True)
    run(recipe, sources, RunFolder(tmp_path), ["teacher"], say=lambda line: None)
    job = Job(recipe, RunFolder(tmp_path), sources, sources.splits())
    return Lesson(job, recipe.student, recipe.student.distil, student)


def test_classes_of_pixels_are_the_second_dimension(tmp_path):
    torch.manual_seed(0)
    x, y = images()
    teacher, student = per_pixel(), per_pixel()
    lesson = lesson_of(tmp_path, teacher, student, splits(x, y))
    inputs = torch.from_numpy(x)
    z = student(inputs)
    wanted = distill.soft_targets(z.movedim(1, -1), teacher(inputs).detach().movedim(1, -1), 1.0)
    torch.testing.assert_close(lesson(z, torch.from_numpy(y), inputs), wanted)


class Tagger(nn.Module):
    """Classes for each token, last."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 16), nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.embed(x))


def by_token(z, y):
    return nn.functional.cross_entropy(z.flatten(0, 1), y.flatten())


@pytest.mark.parametrize("loss", ["soft-targets", "mse", "dkd", "dist"])
def test_padding_counts_for_nobody(tmp_path, loss):
    torch.manual_seed(0)
    x = np.random.default_rng(0).integers(1, 9, (8, 5))
    x[:, 3:] = 0
    teacher, student = Tagger(), Tagger()
    parts = splits(x, np.zeros((8, 5), np.int64))
    lesson = lesson_of(tmp_path, teacher, student, parts, own=by_token, loss=loss, padding=0, class_dim=-1)
    inputs, y = torch.from_numpy(x), torch.zeros(8, 5, dtype=torch.int64)
    z = student(inputs)
    noise = 9 * torch.rand_like(z) * (inputs == 0)[:, :, None]
    torch.testing.assert_close(lesson(z + noise, y, inputs), lesson(z, y, inputs))
    assert lesson(z + 1 - 9 * torch.rand_like(z), y, inputs) != lesson(z, y, inputs)


def test_dkd_leaves_out_what_has_no_label(tmp_path):
    torch.manual_seed(0)
    x, y = np.random.default_rng(0).random((16, 6), np.float32), np.arange(16) % 3
    teacher, student = nn.Linear(6, 3), nn.Linear(6, 3)
    lesson = lesson_of(tmp_path, teacher, student, splits(x, y), loss="dkd")
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    some = labels.masked_fill(torch.arange(16) >= 4, -100)
    wanted = lesson(student(inputs[:4]), labels[:4], inputs[:4])
    torch.testing.assert_close(lesson(student(inputs), some, inputs), wanted)
    assert lesson(student(inputs), torch.full((16,), -100), inputs).isfinite()


def test_outputs_of_another_shape_are_refused(tmp_path):
    x, y = images()
    with pytest.raises(RecipeError, match=r"\[student.distil\] the student gives \(8, 4, 8, 8\), the teacher"):
        recipe = Recipe(student=StudentPart(train=STEPS))
        sources = from_objects(per_pixel(), per_pixel(4), splits(x, y), None, teacher_is_trained=True)
        run(recipe, sources, RunFolder(tmp_path), ["teacher", "student"], say=lambda line: None)


def test_features_of_signals_are_the_second_dimension(tmp_path):
    x, y = np.random.default_rng(0).random((16, 2, 12), np.float32), np.arange(16) % 3

    def network(width):
        return nn.Sequential(nn.Conv1d(2, width, 3), nn.Flatten(), nn.Linear(10 * width, 3))

    with pytest.raises(RecipeError, match="hidden: 0 → 0"):
        lesson_of(tmp_path, network(32), network(16), splits(x, y), hidden={"0": "0"})
    lesson = lesson_of(tmp_path, network(32), network(16), splits(x, y), hidden={"0": "0"}, feature_dim=1)
    (projection,) = lesson.network.projections
    assert projection.projection.weight.shape == (32, 16)
    lesson.stack.close()


def test_a_teacher_that_changed_is_asked_again(tmp_path):
    class Signed(nn.Module):
        def __init__(self, sign):
            super().__init__()
            self.net, self.sign = nn.Linear(6, 3), sign

        def forward(self, x):
            return self.net(x) * self.sign

    x, y = np.random.default_rng(0).random((16, 6), np.float32), np.arange(16) % 3
    one, other = Signed(1.0), Signed(-1.0)
    other.load_state_dict(one.state_dict())
    for teacher in (one, other):
        with lesson_of(tmp_path, teacher, nn.Linear(6, 3), splits(x, y), loss="mse", cache=True) as lesson:
            answers = torch.from_numpy(lesson.split.y)[:, 2:]
        torch.testing.assert_close(answers, teacher(torch.from_numpy(x)).detach())


@pytest.mark.parametrize("method", ["magnitude", "rigl", "one-shot"])
def test_no_step_prunes_all_the_same(tmp_path, method):
    x, y = np.random.default_rng(0).random((64, 32), np.float32), np.arange(64) % 3
    student = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    none = TrainOptions(0, 8)
    recipe = Recipe(
        teacher=TeacherPart(train=none),
        student=StudentPart(train=none),
        prune=PrunePart(sparsity=0.75, method=method, train=none),
        quantize=QuantizePart(enabled=False),
    )
    folder, sources = (
        RunFolder(tmp_path),
        from_objects(nn.Linear(32, 3), student, splits(x, y), None, teacher_is_trained=False),
    )
    run(recipe, sources, folder, ["teacher", "student", "prune"], say=lambda line: None)
    job = Job(recipe, folder, sources, sources.splits())
    assert (job.trained("prune")[0].weight == 0).float().mean() == 0.75


def test_one_trained_teacher_is_not_several(tmp_path):
    x, y = images()
    sources = from_objects(per_pixel(), per_pixel(), splits(x, y), None, teacher_is_trained=True)
    with pytest.raises(RecipeError, match=r"\[teacher\] count = 3: the teacher is trained already"):
        run(Recipe(teacher=TeacherPart(count=3)), sources, RunFolder(tmp_path), ["teacher"], say=lambda line: None)
