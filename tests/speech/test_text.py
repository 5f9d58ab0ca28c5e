"""Text made readable: addresses, emoji, other scripts; and anything at all without a crash."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apus.speech.text import readable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("See https://www.apus.dev/a-b?c=1.", "See apus dot dev slash a dash b question mark c equals 1."),
        ("Write to me@x.org, please.", "Write to me at x dot org, please."),
        ("Fine 😀!", "Fine grinning face!"),
        ("zero\u200bwidth", "zerowidth"),
        ("½ cup", "1/2 cup"),
        ("a [tomato](/təmˈɑTO/)!", "a [tomato](/təmˈɑTO/)!"),
        ("café naïve", "café naïve"),
        ("two  spaces\n\nand lines", "two spaces\n\nand lines"),
    ],
)
def test_what_is_said(text: str, said: str) -> None:
    assert readable(text) == (said, [])


def test_other_scripts_are_told() -> None:
    said, missing = readable("Да, 日本 and да")
    assert said == ", and" and missing == ["Д", "а", "日", "本", "д"]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_nothing_crashes_it_and_nothing_vanishes_unsaid(text: str) -> None:
    said, missing = readable(text)
    letters = [c for c in unicodedata.normalize("NFKC", text) if c.isalnum() and c.isascii()]
    assert [c for c in said if c in letters] or not letters or "." in text or missing
    assert not any(unicodedata.category(c) in ("Cf", "Cs", "Co") for c in said)
