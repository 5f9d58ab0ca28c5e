"""`layer_norm`, `attention` and `recurrent` against their shapes (SPEC.md §6.7, §6.8)."""

import numpy as np

from apus.artifact.graph import Graph, Node
from apus.errors import ArtifactError


def check(node: Node, graph: Graph, where: str) -> None:
    """Check ranks, constants and offsets; ArtifactError says which rule is broken."""
    {"layer_norm": _layer_norm, "attention": _attention, "recurrent": _recurrent}[node.op](node, graph, where)


def _layer_norm(node: Node, graph: Graph, where: str) -> None:
    shapes = [graph.values[name].shape for name in node.inputs]
    if len({len(shape) for shape in shapes}) != 1 or not shapes[0]:
        raise ArtifactError(f"{where}: ranks {[len(shape) for shape in shapes]}; equal ones above 0 are needed")
    count = shapes[0][-1]
    if not isinstance(count, int) or count < 1:
        raise ArtifactError(f"{where}: the input's last dimension must be an integer above 0, in {shapes[0]}")
    for role, name in node.tensors.items():
        array = graph.tensors[name]
        if array.dtype.name != "float32" or array.shape != (count,):
            raise ArtifactError(f"{where}, {role}: {array.dtype.name} {array.shape} is not float32 ({count},)")
        if not np.isfinite(array).all():
            raise ArtifactError(f"{where}, {role}: not finite")


def _attention(node: Node, graph: Graph, where: str) -> None:
    shapes = [graph.values[name].shape for name in node.inputs]
    if [len(shape) for shape in shapes] != [3, 3, 3, 4][: len(shapes)]:
        raise ArtifactError(f"{where}: ranks {[len(shape) for shape in shapes]}; 3, 3, 3 and 4 for a mask are needed")
    channels, heads = node.attributes["channels"], node.attributes["heads"]
    if channels % heads:
        raise ArtifactError(f"{where}: {heads} heads do not divide {channels} channels")
    for shape, offset in zip(shapes, node.attributes["offsets"], strict=False):
        if not isinstance(shape[2], int) or shape[2] < offset + channels:
            raise ArtifactError(f"{where}: {channels} channels from {offset} on do not fit in {shape}")


def _recurrent(node: Node, graph: Graph, where: str) -> None:
    shapes = [graph.values[name].shape for name in node.inputs]
    if [len(shape) for shape in shapes] != [2, 3, 2][: len(shapes)]:
        raise ArtifactError(f"{where}: ranks {[len(shape) for shape in shapes]}; 2, 3 and 2 for a cell are needed")
    units, channels, gates = shapes[0][1], node.attributes["channels"], len(shapes) + 1
    if not isinstance(units, int) or units < 1 or channels != gates * units:
        raise ArtifactError(f"{where}: {channels} channels are not {gates} times the state's last dimension, {units}")
    if node.attributes["format"] != "block16x1":
        raise ArtifactError(f"{where}: format {node.attributes['format']}; block16x1 alone is taken")
    if gates == 4 and node.attributes.get("reset_first"):
        raise ArtifactError(f"{where}: reset_first is of a state without a cell")
