import sys

import pytest

from apus.compress.objects import is_reference, resolve, source_digest
from apus.errors import RecipeError


@pytest.fixture
def here(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != ""])
    yield workplace
    for name in ("own_parts", "broken", "needy"):
        sys.modules.pop(name, None)


def test_the_working_directory_is_importable(here):
    assert resolve("own_parts:student", "[student] model")(8).stem.out_channels == 8


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("own_parts", r"must be 'pkg\.module:callable'"),
        ("own_parts:Net()", r"must be 'pkg\.module:callable'"),
        ("own_part:student", "no module 'own_part'; did you mean own_parts"),
        ("apus.modelz.x:y", r"no module 'apus\.modelz'"),
        ("apus.models.residual:ResidualCNN", "no module .*did you mean residual_cnn"),
        ("own_parts:studnet", "own_parts has no 'studnet'; did you mean student"),
        ("own_parts:NOT_CALLABLE", "NOT_CALLABLE is a int, not a callable"),
    ],
)
def test_each_fault_is_named(here, reference, said):
    with pytest.raises(RecipeError, match=said) as caught:
        resolve(reference, "[student] model")
    assert "[student] model" in str(caught.value)


def test_a_module_that_fails_says_why(here):
    (here / "broken.py").write_text("1 / 0")
    (here / "needy.py").write_text("import not_installed_anywhere")
    with pytest.raises(RecipeError, match="ZeroDivisionError"):
        resolve("broken:f", "[loss] function")
    with pytest.raises(RecipeError, match="importing it failed: No module named 'not_installed_anywhere'"):
        resolve("needy:f", "[loss] function")


def test_names_and_paths_are_no_references():
    assert is_reference("a.b:c")
    assert not any(map(is_reference, ("fashion-mnist", "C:/images", "a/b:c", "a:b:c", ":x")))


def test_the_digest_follows_the_source(here):
    resolve("own_parts:student", "")
    before = source_digest("own_parts:student")
    (here / "own_parts.py").write_text((here / "own_parts.py").read_text() + "\n# changed")
    assert source_digest("own_parts:student") != before
    assert source_digest("cross-entropy") == ""
