"""SSML: what is understood, and what is refused with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apus.errors import RunError
from apus.speech.ssml import Span, is_ssml, spans


def said(inside: str) -> list[Span]:
    return spans(f"<speak>{inside}</speak>")


def test_a_document_in_order() -> None:
    found = said('Hi <prosody rate="fast" pitch="+2st">there</prosody><break time="1.5s"/>now<break strength="weak"/>')
    assert found == [Span("Hi "), Span("there", 1.25, 2.0), Span(pause=1.5), Span("now"), Span(pause=0.1)]


def test_styles_multiply_and_add() -> None:
    inner = '<prosody rate="80%" pitch="low">a<prosody rate="+50%" pitch="+12%">b</prosody></prosody>'
    first, second = said(inner)
    assert (first.rate, first.pitch) == (0.8, -4.0)
    assert second.rate == pytest.approx(1.2) and second.pitch == pytest.approx(-4 + 1.962, abs=1e-3)


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ('<phoneme ph="təmˈɑTO">tomato</phoneme>', "[tomato](/təmˈɑTO/)"),
        ('<say-as interpret-as="characters">ab1</say-as>', " A, B, 1 "),
        ('<say-as interpret-as="date">3/4/2024</say-as>', "3/4/2024"),
        ('<sub alias="World Wide Web">WWW</sub>', "World Wide Web"),
        ("<p>One.</p><p>Two.</p>", "One.\nTwo.\n"),
    ],
)
def test_what_stands_for_a_tag(inside: str, text: str) -> None:
    assert said(inside) == [Span(text)]


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("<b>x</b>", "<b> is not known; there are speak"),
        ("a & b", "write &amp;"),
        ("<p>open", "close every tag"),
        ('<prosody rate="quick">x</prosody>', "rate='quick'"),
        ('<prosody pitch="+400%">x</prosody>', "pitch="),
        ('<break time="11s"/>', "take 0 to 10s"),
        ('<break strength="mighty"/>', "strength='mighty'"),
        ("<phoneme>x</phoneme>", "needs ph="),
        ('<phoneme ph="a](/b/)">x</phoneme>', "brackets"),
        ('<say-as interpret-as="song">x</say-as>', "interpret-as='song'"),
        ("<!-- x -->", "comments"),
    ],
)
def test_what_is_refused(inside: str, message: str) -> None:
    with pytest.raises(RunError, match=message.replace("(", r"\(")):
        said(inside)


def test_bombs_are_refused() -> None:
    with pytest.raises(RunError, match="declarations"):
        spans('<!DOCTYPE x [<!ENTITY a "aaaa">]><speak>&a;</speak>')


@given(st.text(max_size=80))
def test_broken_documents_are_errors_of_ours(inside: str) -> None:
    try:
        found = said(inside)
    except RunError:
        return
    assert all(span.pause or span.text.strip() for span in found)


def test_what_counts_as_ssml() -> None:
    assert is_ssml(' <?xml version="1.0"?><speak>') and is_ssml("<speak version='1'>")
    assert not is_ssml("<speaker>") and not is_ssml("I <speak>")
