"""segments.py: networks in parts, by the rules of SPEC.md §7, in both readers."""

import json
import struct
from typing import Any

import mutate
import pytest
from samples import GRAPHS

from apus import _native
from apus.artifact import read, to_bytes
from apus.artifact.container import join
from apus.errors import ArtifactError


def edited(**changes: Any) -> bytes:
    """The sample with fields of its middle segment (ours) changed."""
    text, payload = mutate.split(to_bytes(GRAPHS["segments"]()))
    tree = json.loads(text)
    tree["graph"]["segments"][1] |= changes
    return join(json.dumps(tree).encode(), payload, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "torch"}, "engine"),
        ({"inputs": ["y"]}, "input 'y' is not known"),
        ({"outputs": []}, "is no value"),
        ({"outputs": ["a"]}, "already has a producer"),
        ({"tensor": "segment7"}, "no row of bytes"),
        ({"tensor": "segment0"}, "not an .apus file"),
        ({"nodes": -1}, "nodes"),
        ({"why": 1}, "not a string"),
        ({"inputs": ["x"]}, "other inputs or outputs"),
        ({"inputs": ["a", "a"]}, "repeated"),
        ({"extra": 1}, "unknown key"),
    ],
)
def test_a_broken_rule_is_named_and_both_readers_refuse(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        read(edited(**changes))
    with pytest.raises(ArtifactError):
        _native.Model.from_bytes(edited(**changes))


def test_parts_have_no_parts() -> None:
    graph = GRAPHS["segments"]()
    graph.segments[1].data = to_bytes(GRAPHS["segments"]())
    with pytest.raises(ArtifactError, match="segments of its own"):
        to_bytes(graph)


def test_the_bit_and_the_key_come_together() -> None:
    whole = to_bytes(GRAPHS["segments"]())
    assert struct.unpack_from("<Q", whole, 40) == (1,)
    text, payload = mutate.split(whole)
    plain, rest = mutate.split(to_bytes(GRAPHS["float"]()))
    for data in (join(text, payload, 0), join(plain, rest, 1), join(text, payload, 3)):
        with pytest.raises(ArtifactError):
            read(data)
        with pytest.raises(ArtifactError):
            _native.Model.from_bytes(data)
