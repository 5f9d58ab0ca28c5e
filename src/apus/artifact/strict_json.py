"""RFC 8259 without leniency (SPEC.md §6.1), so that two readers cannot disagree about a text."""

import json
import math
import re
from typing import Any

from apus.errors import ArtifactError

MAX_DEPTH = 64
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def parse(text: bytes) -> dict[str, Any]:
    """The object that `text` holds.

    Args:
        text: UTF-8 JSON.

    Returns:
        The outermost object; key order is that of the text.

    Raises:
        ArtifactError: the text is not strict JSON, too deep, or not an object.

    >>> parse(b'{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    """
    try:
        decoded = text.decode("utf-8")
        _check_depth(decoded)
        parsed = json.loads(
            decoded,
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
            parse_int=_finite_int,
            parse_float=_finite_float,
        )
        json.dumps(parsed, ensure_ascii=False).encode("utf-8")  # a lone surrogate fails here
    except ArtifactError:
        raise
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"the JSON is not valid: {error}") from None
    if not isinstance(parsed, dict):
        raise ArtifactError("the JSON is not an object")
    return parsed


def _check_depth(text: str) -> None:
    depth = 0
    for match in re.finditer(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if match.group() in "[{" else -1
        if depth > MAX_DEPTH:
            raise ArtifactError(f"the JSON is nested deeper than {MAX_DEPTH}")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [key for key, _ in pairs]
        raise ArtifactError(f"the JSON has key {next(n for n in names if names.count(n) > 1)!r} twice in one object")
    return result


def _refuse_constant(name: str) -> Any:
    raise ArtifactError(f"the JSON holds {name}, which is no JSON number")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ArtifactError(f"the JSON number {text[:40]} is too large")
    return value


def _finite_int(text: str) -> int:
    _finite_float(text)
    return int(text)
