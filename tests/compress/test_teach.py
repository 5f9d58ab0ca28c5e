"""Every key of `[….distil]`, `[student]`, `[prune]` and `[quantize]` that names a technique, on a tiny run."""

import dataclasses
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from own_recipe import RECIPE

from apus.compress import RunFolder, Splits, from_objects, from_recipe, learn, run
from apus.compress.folder import fingerprint
from apus.compress.job import Job
from apus.compress.recipe import Recipe
from apus.compress.recipe_file import from_table, read_recipe
from apus.compress.recipe_stages import LATER, DistilPart, StudentPart
from apus.compress.teach import Lesson
from apus.data.texts import Texts
from apus.errors import NothingMatchedError, RecipeError
from apus.models.minilm import MiniLM
from apus.training import TrainOptions

SCRIPTS = Path(__file__).parent / "scripts"
TRAINED = ["teacher", "student", "prune", "quantize"]


@pytest.fixture(autouse=True)
def own_parts(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield
    sys.modules.pop("own_parts", None)


def job(folder, stages=TRAINED, **sections):
    """A run of the tiny recipe, with keys changed, as far as the stages say."""
    table = tomllib.loads(RECIPE)
    table["data"]["arguments"] = {"count": 128}
    table["loss"] = {}
    for name, keys in sections.items():
        table[name] = table[name] | keys
    recipe = from_table(table)
    sources, folder = from_recipe(recipe), RunFolder(folder)
    run(recipe, sources, folder, stages, say=lambda line: None)
    return Job(recipe, folder, sources, sources.splits())


def student_loss(folder, distil, **keys):
    done = job(folder, TRAINED[:2], student={"distil": distil, **keys})
    history = done.folder.read_json("student/history.json")
    assert history[-1]["loss"] < history[0]["loss"]
    return history[-1]["loss"]


@pytest.mark.parametrize(
    "distil",
    [
        {"loss": "mse"},
        {"loss": "dkd", "others": 2.0},
        {"loss": "dist", "temperature": 2.0},
        {"hidden": {"point": "point"}},
        {"hidden": {"deep": "deep", "point": "point"}, "loss": "none", "hidden_weight": 0.5},
        {"cache": True},
    ],
    ids=lambda distil: " ".join(distil),
)
def test_each_way_to_distil_learns(tmp_path, distil):
    student_loss(tmp_path, distil)


def test_the_cache_changes_no_bit(tmp_path):
    plain, cached = (student_loss(tmp_path / str(cache), {"cache": cache}) for cache in (False, True))
    assert cached == pytest.approx(plain, rel=1e-6)
    assert (tmp_path / "True/teacher/answers.safetensors").exists()


@pytest.mark.parametrize("cache", [False, True])
def test_examples_without_labels_learn_from_the_teacher_alone(tmp_path, cache):
    done = job(tmp_path, TRAINED[:1])
    done.splits.train.y[:] = -100
    student, batch = done.made("student"), 32
    for alpha, finite in ((1.0, True), (0.9, False)):
        with Lesson(done, done.recipe.student, DistilPart(loss="mse", alpha=alpha, cache=cache), student) as lesson:
            x, y = (torch.from_numpy(part[:batch]) for part in (lesson.split.x, lesson.split.y))
            assert torch.isfinite(lesson(student(x), y, x)) == finite


def reader_loss(folder, **keys):
    """Mean loss of a small reader's first epoch, taught from inside."""
    made = {"width": 24, "heads": 2, "inner": 48, "vocabulary": 20, "longest": 9, "dropout": 0.0}
    torch.manual_seed(0)
    teacher, student = (MiniLM(4, layers=layers, **made) for layers in (2, 1))
    x = torch.randint(1, 20, (96, 9)).masked_fill(torch.arange(9) >= torch.randint(1, 10, (96, 1)), 0).numpy()
    texts = Texts(x, x.sum(1) % 4)
    inner = {"hidden": {"layers.0": "layers.1"}, "attention": {"layers.0.scores": "layers.1.scores"}}
    options = TrainOptions(1, 8, "adamw", 1e-3, weight_decay=0.0)
    recipe = Recipe(student=StudentPart(distil=DistilPart(**inner, **keys), train=options))
    sources = from_objects(teacher, student, Splits("texts", texts, texts, texts), None, teacher_is_trained=True)
    run(recipe, sources, RunFolder(folder), TRAINED[:2], say=lambda line: None)
    return RunFolder(folder).read_json("student/history.json")[-1]["loss"]


def test_a_readers_states_may_be_kept(tmp_path):
    asked, kept = (reader_loss(tmp_path / str(cache), padding=0, cache=cache) for cache in (False, True))
    assert kept == pytest.approx(asked, rel=1e-4)
    with pytest.raises(RecipeError, match="set padding, or cache = false"):
        reader_loss(tmp_path / "none", cache=True)


def test_nothing_is_left_behind_by_taps(tmp_path):
    done = job(tmp_path, TRAINED[:1])
    student, how = done.made("student"), DistilPart(hidden={"point": "point"})
    with Lesson(done, done.recipe.student, how, student) as lesson:
        teacher = lesson.teacher.model
        assert student.point._forward_hooks
        assert teacher.point._forward_hooks
        assert {p.shape for p in lesson.network.projections.parameters()} == {torch.Size([32, 16])}
    assert not student.point._forward_hooks
    assert not teacher.point._forward_hooks


def test_several_teachers_answer_with_their_mean(tmp_path):
    done = job(tmp_path, TRAINED[:2], teacher={"count": 2})
    both = done.trained("teacher")
    with torch.no_grad():
        answers = [model(done.example) for model in both.models]
        torch.testing.assert_close(both(done.example), (answers[0] + answers[1]) / 2)
    assert not torch.equal(*answers)
    assert not list(tmp_path.glob("**/checkpoint.pt"))


def test_a_student_may_start_as_its_teacher(tmp_path):
    done = job(
        tmp_path, TRAINED[:1], student={"arguments": {"width": 32}, "initialise": {"stem": "stem", "point": "point"}}
    )
    part = dataclasses.replace(done.recipe.student, train=TrainOptions(epochs=0.01, batch=64, learning_rate=1e-9))
    done.recipe = dataclasses.replace(done.recipe, student=part)
    learn.student(done, "mark")
    teacher, student = done.trained("teacher"), done.trained("student")
    torch.testing.assert_close(student.point.weight, teacher.point.weight)
    torch.testing.assert_close(student.stem.weight, teacher.stem.weight)
    with pytest.raises(NothingMatchedError, match="'stemm' matches no module"):
        job(tmp_path, TRAINED[:2], student={"initialise": {"stemm": "stem"}})


@pytest.mark.parametrize(
    "keys",
    [
        {"structure": "16x4"},
        {"method": "rigl", "exchange": 0.5},
        {"method": "one-shot", "calibrate": 2},
        {"target": "global"},
        {"balance": True},
        {"gates": {"point": [1.0, 0.5]}},
    ],
    ids=lambda keys: " ".join(keys),
)
def test_each_way_to_prune_is_as_sparse_as_asked(tmp_path, keys):
    done = job(
        tmp_path, TRAINED[:3], student={"arguments": {"width": 32}}, prune={"skip": ["stem", "deep", "head"], **keys}
    )
    row = next(row for row in done.folder.record("prune")["layers"] if row["name"] == "point")
    wanted = 0.45 if "gates" in keys else 0.6
    assert 1 - row["density"] == pytest.approx(wanted, abs=0.07)


@pytest.mark.parametrize("bits", [(8, 8), (4, 8), (2, 8)])
def test_a_quantised_student_learns_from_inside_too(tmp_path, bits):
    distil = {"loss": "mse", "hidden": {"point": "point"}}
    keys = {"weight_bits": bits[0], "activation_bits": bits[1], "distil": distil}
    done = job(tmp_path, ["teacher", "student", "quantize"], prune={"enabled": False}, quantize=keys)
    network = done.trained("quantize")
    assert network.point.bits == bits[0]
    assert network.point.input_quantizer.bits == bits[1]
    assert len(network.point.layer.weight.unique()) > 3  # the float weights go on living behind the levels


@pytest.mark.parametrize(
    ("distil", "error", "said"),
    [
        ({"hidden": {"pint": "point"}}, NothingMatchedError, "'pint' matches no module"),
        ({"hidden": {"point": "head"}}, RecipeError, "hidden: point → head"),
        ({"attention": {"point": "point"}}, RecipeError, "attention: point → point"),
        ({"hidden": {"point": "point"}, "hidden_loss": "cosine"}, RecipeError, "hidden: point → point"),
        ({"hidden": {"point": "point"}, "cache": True}, RecipeError, "cache keeps hidden and attention of texts alone"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, distil, error, said):
    with pytest.raises(error, match=said):
        job(tmp_path, TRAINED[:2], student={"distil": distil})


def test_later_keys_at_their_default_leave_fingerprints_alone():
    parts = [Recipe().student, Recipe().prune, Recipe().quantize, Recipe().teacher, DistilPart()]
    later = [(part, field) for part in parts for field in dataclasses.fields(part) if field.metadata == LATER]
    assert len(later) > 15
    for part in parts:
        kept = {f.name: getattr(part, f.name) for f in dataclasses.fields(part) if f.metadata != LATER}
        assert fingerprint(kept) == fingerprint(part)
    assert fingerprint(DistilPart(cache=True)) != fingerprint(DistilPart())


def test_the_demo_keeps_its_fingerprints():
    recipe = read_recipe(SCRIPTS.parents[2] / "recipes/images.toml")
    assert [fingerprint(getattr(recipe, stage)) for stage in TRAINED] == [
        *("14d78c85b14cf47e", "970f8282772ca06f"),
        *("3e36a4033a67fb15", "fc36cc3e59e20a93"),
    ]
