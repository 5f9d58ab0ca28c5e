import gzip

import numpy as np
import pytest
import wordnet_sample

from apus.data import glosses, wordpieces
from apus.data.texts import Texts
from apus.errors import DataError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """WordNet in small, with a vocabulary in the place of MiniLM's and a cache of its own."""
    made = wordnet_sample.write(tmp_path / "model")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (glosses, wordpieces):
        monkeypatch.setattr(module, "minilm_folder", lambda: made)
    return made


def load(folder, **options):
    return glosses.load_glosses(str(folder / "data.noun"), length=8, **{"valid": 2, "test": 1} | options)


def test_definitions_lose_examples_and_equals(folder):
    found = glosses.read_glosses(folder / "data.noun")
    kinds = {text: glosses.KINDS[kind] for text, kind in found.items()}
    assert kinds == {
        "that which is perceived": "Tops",
        "the feat of mustering strength": "act",
        "a tame animal; a wolf once": "animal",
        "a fruit": "food",
        "a time": "time",
        "a relation": "relation",
    }
    packed = folder / "data.noun.gz"
    packed.write_bytes(gzip.compress((folder / "data.noun").read_bytes()))
    assert glosses.read_glosses(packed) == found


def test_splits_are_fixed_and_share_nothing(folder):
    data = load(folder)
    assert [len(split) for split in (data.train, data.valid, data.test)] == [3, 2, 1]
    assert all(isinstance(split, Texts) for split in (data.train, data.valid, data.test))
    rows = {tuple(row) for split in (data.train, data.valid, data.test) for row in split.x.tolist()}
    assert len(rows) == 6
    assert np.array_equal(load(folder, limit=2).train.x, data.train.x[:2])
    assert data.classes[data.test.y[0]] in glosses.KINDS


def test_tokens_are_kept_and_follow_the_vocabulary(folder, monkeypatch):
    first = load(folder)
    monkeypatch.setattr(glosses, "encode", None)  # a second tokenisation would fail
    assert np.array_equal(load(folder).train.x, first.train.x)
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + " ")
    with pytest.raises(TypeError):
        load(folder)


@pytest.mark.parametrize("line", ["no bar", "1 xx n | a word", "1 29 n | a verb", "1 02 n | an adverb"])
def test_other_files_are_refused(folder, line):
    (folder / "data.noun").write_text("  licence\n" + line + "\n")
    with pytest.raises(DataError, match=r"line 2: not of WordNet's data\.noun"):
        glosses.read_glosses(folder / "data.noun")


def test_what_cannot_be_is_refused(folder):
    with pytest.raises(DataError, match="hold out fewer"):
        load(folder, valid=5)
    with pytest.raises(DataError, match="no such file"):
        glosses.read_glosses(folder / "data.verb")
