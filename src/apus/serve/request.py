"""The body of a request to infer: JSON in, arrays by name out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from apus.runtime import NodeArg
from apus.runtime.feed import Array, check_names, check_shapes, nearest
from apus.serve.refusal import Refusal
from apus.serve.tensors import decode


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What is asked: the client's own name for it, the arrays, and the outputs wanted, in order."""

    id: str | None
    feed: dict[str, Array]
    outputs: list[str]


def parse(body: bytes, inputs: Sequence[NodeArg], outputs: Sequence[NodeArg]) -> InferRequest:
    """Check every field.

    Args:
        body: JSON.
        inputs: what the model takes.
        outputs: what it gives; all of them when the request names none.

    Returns:
        The request; each array has the declared datatype and a shape that the model takes.

    Raises:
        Refusal: names the field that is wrong.
        RunError: an input is missing, unknown, or of a wrong shape.
    """
    document = _json(body)
    if not isinstance(document, dict):
        raise Refusal("the request must be a JSON object")
    name = document.get("id")
    if name is not None and not _is_text(name):
        raise Refusal("id must be a string of Unicode")
    args = {arg.name: arg for arg in inputs}
    feed: dict[str, Array] = {}
    for place, item in enumerate(_items(document, "inputs")):
        where = f"inputs[{place}]"
        arg = args[_name(item, where, list(args))]
        if arg.name in feed:
            raise Refusal(f"{where}.name: {arg.name!r} is given twice")
        feed[arg.name] = decode(where, item, arg)
    names = list(args)
    check_names(names, feed)
    check_shapes(names, [arg.shape for arg in inputs], [feed[n] for n in names])
    return InferRequest(name, {n: feed[n] for n in names}, _wanted(document, [arg.name for arg in outputs]))


def _json(body: bytes) -> Any:
    def refuse(word: str) -> NoReturn:
        raise Refusal(f"the request holds {word}, which is not JSON")

    try:
        return json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"the request is not JSON: {error}") from error


def _is_text(value: Any) -> bool:
    """Half of a surrogate pair passes as JSON, but could not be sent back."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _items(document: dict[str, Any], field: str) -> list[dict[str, Any]]:
    items = document.get(field)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refusal(f"{field} must be a list of objects")
    return items


def _name(item: dict[str, Any], where: str, known: Sequence[str]) -> str:
    name = item.get("name")
    if not isinstance(name, str):
        raise Refusal(f"{where}.name must be a string")
    if name not in known:
        raise Refusal(f"{where}.name: no {name!r}{nearest(name, known)}; there is {', '.join(map(repr, known))}")
    return name


def _wanted(document: dict[str, Any], known: list[str]) -> list[str]:
    if not document.get("outputs"):
        return known
    items = _items(document, "outputs")
    return [_name(item, f"outputs[{place}]", known) for place, item in enumerate(items)]
