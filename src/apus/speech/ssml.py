"""The part of SSML that a speaker needs: break, prosody, phoneme, say-as, sub, p, s.

Source: W3C, Speech Synthesis Markup Language 1.1, §3.
"""

import math
import re
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from apus.errors import RunError

TAGS = ("speak", "p", "s", "break", "prosody", "phoneme", "say-as", "sub", "emphasis", "w", "mark")
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.75}
PITCHES = {"x-low": -8.0, "low": -4.0, "medium": 0.0, "default": 0.0, "high": 4.0, "x-high": 8.0}
BREAKS = {"none": 0.0, "x-weak": 0.05, "weak": 0.1, "medium": 0.3, "strong": 0.6, "x-strong": 1.0}
LONGEST_BREAK = 10.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text, or a pause.

    Attributes:
        text: to be read; words whose phonemes are given stand as `[word](/phonemes/)`.
        rate: factor of the speaking rate.
        pitch: semitones up.
        pause: seconds of silence; then there is no text.
    """

    text: str = ""
    rate: float = 1.0
    pitch: float = 0.0
    pause: float = 0.0


def is_ssml(text: str) -> bool:
    """Whether a text is meant as SSML: it begins with `<speak`."""
    return re.match(r"\s*(<\?xml[^>]*>\s*)?<speak\b", text) is not None


def spans(document: str) -> list[Span]:
    """What an SSML document asks for, in order.

    Args:
        document: with `<speak>` around it.

    Returns:
        Spans; texts that follow one another alike are joined.

    Raises:
        RunError: it is no XML, or has a tag or a value that is not understood.

    >>> spans('<speak>One<break time="200ms"/><prosody rate="fast">two</prosody></speak>')[1:]
    [Span(text='', rate=1.0, pitch=0.0, pause=0.2), Span(text='two', rate=1.25, pitch=0.0, pause=0.0)]
    """
    if "<!" in document:
        raise RunError("SSML: declarations and comments (<!...>) are not taken; leave them out")
    try:
        root = ElementTree.fromstring(document.strip().encode("utf-8", "replace").decode())  # no lone surrogates
    except ElementTree.ParseError as error:
        raise RunError(f"SSML: {error}; write &amp; for & and &lt; for <, and close every tag") from error
    found: list[Span] = []
    _read(root, Span(), found)
    return found


def _read(node: ElementTree.Element, style: Span, found: list[Span]) -> None:
    tag = node.tag.rpartition("}")[2]
    if tag not in TAGS:
        raise RunError(f"SSML: <{tag}> is not known; there are {', '.join(TAGS)}")
    if tag == "break":
        found.append(Span(pause=_pause(node)))
    inner = _styled(node, style) if tag == "prosody" else style
    own = _own_text(tag, node)
    _add(found, inner, own if own is not None else node.text or "")
    for child in node if own is None else ():
        _read(child, inner, found)
        _add(found, inner, child.tail or "")
    if tag in ("p", "s"):
        _add(found, inner, "\n")


def _add(found: list[Span], style: Span, text: str) -> None:
    last = found[-1] if found else None
    if last and not last.pause and (last.rate, last.pitch) == (style.rate, style.pitch):
        found[-1] = replace(last, text=last.text + text)
    elif text.strip():
        found.append(replace(style, text=text))


def _own_text(tag: str, node: ElementTree.Element) -> str | None:
    """What stands for a tag's content, if it does not stand for itself."""
    inside = "".join(node.itertext())
    if tag == "sub":
        return _needed(node, "alias")
    if tag == "phoneme":
        phonemes = _needed(node, "ph").strip("/ ")
        if re.search(r"[\[\]()/]", phonemes + inside):
            raise RunError("SSML: phonemes and their word may not hold brackets or strokes")
        return f"[{inside or 'word'}](/{phonemes}/)"
    if tag == "say-as":
        return _said_as(_needed(node, "interpret-as"), inside)
    return None


def _said_as(kind: str, inside: str) -> str:
    if kind in ("characters", "spell-out", "verbatim", "digits", "telephone"):
        return " " + ", ".join(c.upper() if c.isalpha() else c for c in inside if c.isalnum()) + " "
    if kind in ("cardinal", "number", "ordinal", "date", "time", "currency", "unit", "fraction", "expletive"):
        return inside  # as the front-end reads them anyway
    raise RunError(f"SSML: say-as interpret-as={kind!r} is not known; take characters, digits, cardinal, date or time")


def _needed(node: ElementTree.Element, name: str) -> str:
    value = node.get(name)
    if value is None:
        raise RunError(f"SSML: <{node.tag.rpartition('}')[2]}> needs {name}=")
    return value


def _styled(node: ElementTree.Element, style: Span) -> Span:
    rate, pitch = node.get("rate"), node.get("pitch")
    if rate is not None:
        style = replace(style, rate=style.rate * _factor(rate))
    if pitch is not None:
        style = replace(style, pitch=style.pitch + _semitones(pitch))
    return style


def _factor(rate: str) -> float:
    if rate in RATES:
        return RATES[rate]
    found = re.fullmatch(r"([+-]?)(\d+(?:\.\d+)?)(%?)", rate.strip())
    if not found or (found[1] and not found[3]):
        raise RunError(f"SSML: rate={rate!r}; take a word such as slow, a factor such as 1.2, or 80% or +10%")
    size = float(found[2]) / (100 if found[3] else 1)
    return 1 + size if found[1] == "+" else max(0.0, 1 - size) if found[1] == "-" else size


def _semitones(pitch: str) -> float:
    if pitch in PITCHES:
        return PITCHES[pitch]
    if found := re.fullmatch(r"([+-]\d+(?:\.\d+)?)st", pitch.strip()):
        return float(found[1])
    if found := re.fullmatch(r"([+-]\d{1,2}(?:\.\d+)?)%", pitch.strip()):
        return 12 * math.log2(1 + float(found[1]) / 100)
    raise RunError(f"SSML: pitch={pitch!r}; take a word such as high, semitones such as +2st, or +10%")


def _pause(node: ElementTree.Element) -> float:
    if (time := node.get("time")) is not None:
        found = re.fullmatch(r"\+?(\d+(?:\.\d+)?)(ms|s)", time.strip())
        if not found or (seconds := float(found[1]) / (1000 if found[2] == "ms" else 1)) > LONGEST_BREAK:
            raise RunError(f"SSML: break time={time!r}; take 0 to {LONGEST_BREAK:.0f}s, such as 500ms or 1.5s")
        return seconds
    strength = node.get("strength", "medium")
    if strength not in BREAKS:
        raise RunError(f"SSML: break strength={strength!r}; take {', '.join(BREAKS)}")
    return BREAKS[strength]
