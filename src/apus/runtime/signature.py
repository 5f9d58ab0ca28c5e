"""Inputs and outputs of a model, described as ONNX Runtime describes them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

Dimension: TypeAlias = int | str
Described: TypeAlias = tuple[str, str, Sequence[Dimension] | None]
"""Name, dtype and shape of an input or output; no shape where not even the rank is known."""

_TYPES = {"float32": "float", "float64": "double", "str": "string"}  # all others are called what NumPy calls them


class NodeArg(NamedTuple):
    """One input or output: `name`, `type` such as `tensor(float)`, `shape` with symbols as text."""

    name: str
    type: str
    shape: list[Dimension]


class ModelMetadata(NamedTuple):
    """What the file says about itself."""

    producer_name: str
    graph_name: str
    description: str
    domain: str
    version: int
    graph_description: str
    custom_metadata_map: dict[str, Any]


def node_arg(value: Described, fixed: dict[str, int]) -> NodeArg:
    """Describe an engine value.

    Args:
        value: name, dtype and shape.
        fixed: symbolic dimensions that the session's options fixed.

    Returns:
        Its description.
    """
    name, dtype, shape = value
    kind = dtype if dtype in ("sequence", "optional", "map") else f"tensor({_TYPES.get(dtype, dtype)})"
    return NodeArg(name, kind, [fixed.get(d, d) if isinstance(d, str) else d for d in shape or ()])
