import numpy as np
import pytest

from apus.data.cmudict import LETTERS, LONGEST, PHONEMES, as_text, encode, load_cmudict, read_lexicon
from apus.data.texts import TextBatches
from apus.errors import DataError

TEXT = """ox AA1 K S
read R IY1 D # in the present
read(2) R EH1 D
'tis T IH1 Z
extraordinarily IH0 K S T R AO2 R D AH0 N EH1 R AH0 L IY0
c++ S IY1
two T UW1
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "cmudict.dict"
    file.write_text(TEXT)
    return str(file)


def test_words_without_stress_and_every_way_to_say_them(path):
    lexicon = read_lexicon(path)
    assert list(lexicon.words) == ["ox", "read", "'tis", "two"]
    assert lexicon.words["read"] == [("R", "IY", "D"), ("R", "EH", "D")]
    assert list(read_lexicon(path, longest=3).words) == ["two"]


def test_each_answer_begins_and_ends(path):
    data = load_cmudict(path, valid=1, test=1)
    assert [len(split) for split in (data.train, data.valid, data.test)] == [2, 1, 1]
    x, y = data.train.x, data.train.y
    assert (x[:, 14] == 1).all()
    assert np.array_equal(x[:, 15:][x[:, 15:] > 0], y[:, :-1][y[:, :-1] > 2])
    said = {as_text(row) for split in (data.train, data.valid, data.test) for row in split.y}
    assert said == {("AA", "K", "S"), ("R", "IY", "D"), ("T", "IH", "Z"), ("T", "UW")}


def test_no_word_is_in_two_splits(path):
    data = load_cmudict(path, valid=1, test=1)
    words = [tuple(row[:14]) for split in (data.train, data.valid, data.test) for row in split.x]
    assert len(set(words)) == 4
    assert max(map(max, words)) < len(LETTERS)
    assert len(PHONEMES) == 42


def test_what_is_no_dictionary_is_refused(path, tmp_path):
    with pytest.raises(DataError, match="4 of 4 words"):
        load_cmudict(path, valid=2, test=2)
    with pytest.raises(DataError, match="no such file"):
        read_lexicon(tmp_path / "none")
    (tmp_path / "empty").write_text("!\n")
    with pytest.raises(DataError, match="no word"):
        read_lexicon(tmp_path / "empty")


def test_a_batch_is_as_long_as_the_longest_of_its_words_and_answers():
    said = {"ox": ("AA", "K", "S"), "read": ("R", "IY", "D"), "two": ("T", "UW"), "a": ("AH",)}
    words = encode(list(said), list(said.values()))
    for x, y in TextBatches(words, 1).epoch(0):
        longest = y.shape[1]
        assert x.shape == (1, 2 * longest)
        name = "".join(LETTERS[letter] for letter in x[0, :longest])
        assert as_text(y[0].numpy()) == said[name]
        assert longest == max(len(name), len(said[name]) + 1) < LONGEST
        assert x[0, longest] == 1
