"""What Python's own parser would let pass is refused, so that the C++ reader can agree."""

import pytest

from apus.artifact.strict_json import MAX_DEPTH, parse
from apus.errors import ArtifactError


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"1", b"null", b"{} {}", b"{'a':1}", b'{"a":1,}', b'{"a":01}', b'{"a":+1}', b'{"a":.5}'),
        *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e400}', b'{"a":"\\ud800"}', b'{"a":"\xc0\x80"}'),
        *(b'{"a":"\x01"}', b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}', b'{"a":' + b"9" * 400 + b"}", b"\xef\xbb\xbf{}"),
        b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
    ],
)
def test_refused(text: bytes) -> None:
    with pytest.raises(ArtifactError):
        parse(text)


def test_accepted() -> None:
    nested = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert list(parse(nested)) == ["a"]
    assert parse(b' {"b":"[[{\\"","a":-0.5e1,"\\ud83d\\ude00":true} ') == {"b": '[[{"', "a": -5.0, "\U0001f600": True}
    assert list(parse(b'{"z":1,"a":2}')) == ["z", "a"], "the order of the text is kept"
