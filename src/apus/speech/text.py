"""Text as a reader says it, before words become phonemes: addresses, e-mails, emoji, other scripts.

Numbers, dates, times, money, units and abbreviations are read by the front-end of hibari (a port of misaki).
"""

import re
import unicodedata

_ADDRESS = re.compile(r"\b(?:https?://|www\.)[^\s<>\"']+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_SIGNS = {
    ".": " dot ", "/": " slash ", "@": " at ", "-": " dash ", "_": " underscore ", "?": " question mark ",
    "=": " equals ", "&": " and ", "#": " hash ", "%": " percent ", "+": " plus ", "~": " tilde ", ":": " colon ",
}  # fmt: skip
GIVEN = re.compile(r"(\[[^\]]+\]\(/[^()/]+/\))")  # a word with its phonemes, as it comes
_JOINERS = "\u200b\u200c\u200d\ufe0e\ufe0f\u2060\ufeff\u00ad"


def readable(text: str) -> tuple[str, list[str]]:
    """Spell out what no dictionary holds.

    Args:
        text: as written.

    Returns:
        The text to read, and the distinct characters that cannot be said (letters of other scripts), in order.

    >>> readable("See https://apus.dev/x or 😀!")
    ('See apus dot dev slash x or grinning face!', [])
    >>> readable("Да")
    ('', ['Д', 'а'])
    """
    unsaid: dict[str, None] = {}
    said = "".join(part if place % 2 else _read(part, unsaid) for place, part in enumerate(GIVEN.split(text)))
    return "\n".join(" ".join(line.split()) for line in said.splitlines()).strip(), list(unsaid)


def _read(text: str, unsaid: dict[str, None]) -> str:
    text = unicodedata.normalize("NFKC", text.translate(dict.fromkeys(map(ord, _JOINERS)))).replace("\u2044", "/")
    text = _ADDRESS.sub(lambda found: _spelled(found.group()), text)
    return re.sub(r"[ \t]+([,.;:!?])", r"\1", "".join(_said(letter, unsaid) for letter in text))


def _spelled(address: str) -> str:
    """`a.b/c` as words; a full stop or comma at its end belongs to the sentence."""
    core = address.rstrip(".,;:!?)")
    end = address[len(core) :]
    core = re.sub(r"^https?://(www\.)?|^www\.", "", core, flags=re.IGNORECASE).rstrip("/")
    return " ".join("".join(_SIGNS.get(c, c) for c in core).split()) + end


def _said(letter: str, unsaid: dict[str, None]) -> str:
    kind = unicodedata.category(letter)
    if kind.startswith("L") and letter != "ª" and "LATIN" not in unicodedata.name(letter, "LATIN"):
        unsaid[letter] = None
        return " "
    if kind in ("So", "Sk") and ord(letter) > 0x2000:
        return f" {unicodedata.name(letter, '').lower()} "
    if kind in ("Cc", "Cf", "Co", "Cs", "Cn") and letter not in "\n\t":
        return " "
    return letter
