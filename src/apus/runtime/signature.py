"""Inputs and outputs of a model, described as ONNX Runtime describes them."""

from typing import Any, NamedTuple, TypeAlias

Dimension: TypeAlias = int | str

_TYPES = {"float32": "float", "float64": "double"}  # all others are called what NumPy calls them


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


def node_arg(value: tuple[str, str, list[Dimension]], fixed: dict[str, int]) -> NodeArg:
    """Describe an engine value.

    Args:
        value: name, dtype and shape.
        fixed: symbolic dimensions that the session's options fixed.

    Returns:
        Its description.
    """
    name, dtype, shape = value
    return NodeArg(
        name, f"tensor({_TYPES.get(dtype, dtype)})", [fixed.get(d, d) if isinstance(d, str) else d for d in shape]
    )
