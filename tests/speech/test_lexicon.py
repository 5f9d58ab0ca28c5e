"""A user's own words: where they match, and what is refused."""

from pathlib import Path

import pytest

from apus.cli import main
from apus.errors import DataError
from apus.speech import Voice
from apus.speech.lexicon import Lexicon

LETTERS = "ˈApəssiʌ lˈ"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Apus, apus; APUS", "[Apus](/ˈApəs/), [apus](/ˈApəs/); [APUS](/ˈApəs/)"),
        ("apuses and _apus", "apuses and _apus"),
        ("Apus ML is long", "[Apus ML](/ˈAp/) is long"),
        ("C++ is C", "[C++](/si/) is C"),
        ("[Apus](/si/) Apus", "[Apus](/si/) [Apus](/ˈApəs/)"),
        ("", ""),
    ],
)
def test_words_match_whole_and_the_longest_first(text: str, marked: str) -> None:
    assert Lexicon({"Apus": "ˈApəs", "Apus ML": "ˈAp", "C++": "si"}, LETTERS).mark(text) == marked
    assert Lexicon({}, LETTERS).mark(text) == text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"Apus": "xq"}, "'Apus' has 'qx', which is no phoneme"),
        ({"Apus": ""}, "'Apus' = ''; a line is"),
        ({" ": "si"}, "' ' = 'si'"),
        ({"a]b": "si"}, "'a]b'"),
        ({"Apus": 3}, "'Apus' = 3"),
    ],
)
def test_what_is_no_word_is_refused(words: dict[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Lexicon(words, LETTERS)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('Apus = "ˈApəs"\n"C++" = "si"\n', "utf-8")
    assert Lexicon(path, LETTERS).mark("Apus C++") == "[Apus](/ˈApəs/) [C++](/si/)"
    with pytest.raises(DataError, match=r"did you mean .*mine\.toml"):
        Lexicon(tmp_path / "mien.toml", LETTERS)
    path.write_text("C++ = si")
    with pytest.raises(DataError, match="not TOML"):
        Lexicon(path, LETTERS)


def test_a_voice_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('Apus = "ˈApəs"', "utf-8")
    assert Voice(lexicon=path).phonemes("Apus flies.") == Voice().phonemes("[Apus](/ˈApəs/) flies.")
    assert main(["say", "Apus flies.", "-o", str(tmp_path / "a.wav"), "--lexicon", str(path), "--phonemes"]) == 0
    assert "ˈApəs" in capsys.readouterr().err
    assert main(["say", "Hi.", "-o", str(tmp_path / "b.wav"), "--lexicon", str(tmp_path / "no.toml")]) == 2
    assert not (tmp_path / "b.wav").exists()
