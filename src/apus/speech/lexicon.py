"""A user's own words and how they are said, marked in a text before anything else reads it."""

import os
import re
import tomllib
from collections.abc import Container, Mapping
from pathlib import Path

from apus._files import existing_file
from apus.errors import DataError
from apus.speech.text import GIVEN

Words = Mapping[str, str]


class Lexicon:
    """Word → phonemes; a word matches whole, in any case, the longest first.

    Args:
        words: phonemes by word, or a TOML file of lines such as `Apus = "ˈApəs"`.
        alphabet: the phonemes that there are.

    Raises:
        DataError: no such file, not TOML, not words and phonemes, or a phoneme that is not in the alphabet.

    >>> Lexicon({"Apus": "ˈApəs"}, "ˈApəs").mark("What is apus? [Apus](/ˈapʊs/).")
    'What is [apus](/ˈApəs/)? [Apus](/ˈapʊs/).'
    """

    def __init__(self, words: Words | str | os.PathLike[str], alphabet: Container[str]) -> None:
        origin, table = ("the lexicon", words) if isinstance(words, Mapping) else (str(words), _read(Path(words)))
        for word, phonemes in table.items():
            if not isinstance(phonemes, str) or not phonemes.strip() or not word.strip() or set("[]()/\n") & {*word}:
                raise DataError(f'{origin}: {word!r} = {phonemes!r}; a line is: word = "phonemes"')
            if unknown := sorted({letter for letter in phonemes if letter not in alphabet}):
                raise DataError(f"{origin}: {word!r} has {''.join(unknown)!r}, which is no phoneme of this voice")
        self._phonemes = {word.casefold(): phonemes for word, phonemes in table.items()}
        longest = sorted(map(re.escape, table), key=len, reverse=True)
        self._word = re.compile(rf"(?<!\w)(?:{'|'.join(longest)})(?!\w)", re.IGNORECASE) if longest else None

    def mark(self, text: str) -> str:
        """Write a word's phonemes beside it, `[word](/phonemes/)`; words that have some keep them."""
        if self._word is None:
            return text
        parts = GIVEN.split(text)
        return "".join(part if place % 2 else self._word.sub(self._marked, part) for place, part in enumerate(parts))

    def _marked(self, found: re.Match[str]) -> str:
        word = found.group()
        return f"[{word}](/{self._phonemes[word.casefold()]}/)"


def _read(path: Path) -> Words:
    try:
        found: Words = tomllib.loads(existing_file(path).read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML: {error}; put words that are not plain into quotes") from None
    return found
