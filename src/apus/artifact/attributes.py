"""Attributes of a node: names, kinds and ranges (SPEC.md §6.6)."""

from typing import Any

from apus.artifact import fields, operators
from apus.artifact.graph import Node
from apus.artifact.operators import OPERATORS
from apus.errors import ArtifactError

_FLAGS = {
    "keepdims", "ceil_mode", "count_include_pad", "last", "exclusive", "reverse", "reset_first", "largest", "positions"
}  # fmt: skip
_FUNCTIONS = {
    "unary": operators.UNARY,
    "binary": operators.BINARY,
    "reduce": operators.REDUCE,
    "elementwise": frozenset(operators.ELEMENTWISE),
    "scatter_elements": operators.COMBINE,
    "scatter_nd": operators.COMBINE,
    "arg": frozenset({"max", "min"}),
    "cumulative": frozenset({"sum", "prod"}),
}


def check(node: Node, where: str) -> None:
    """Check the attributes of `node` that need no shapes; ArtifactError names the first wrong one."""
    operator, a = OPERATORS[node.op], node.attributes
    fields.keys(a, f"{where}, attributes", *operator.names(operator.attributes))
    if "kernel" in a:
        _window(node, where)
    for name in {"groups", "channels", "heads"} & a.keys():
        fields.integer(a[name], f"{where}, {name}", 1)
    for name, high in {"k": fields.INT32[1], "batch_dims": fields.MAX_RANK - 1}.items():
        if name in a:
            fields.integer(a[name], f"{where}, {name}", 0, high)
    for name in _FLAGS & a.keys():
        fields.integer(a[name], f"{where}, {name}", 0, 1)
    for name in {"alpha", "beta", "value", "epsilon", "factor"} & a.keys():
        fields.real(a[name], f"{where}, {name}")
    if a.get("epsilon", 0) < 0:
        raise ArtifactError(f"{where}, epsilon: {a['epsilon']} is below 0")
    if "offsets" in a:
        fields.integers(a["offsets"], f"{where}, offsets", 0, 3)
    _choices(node, where)
    _clip(a, where)


def _window(node: Node, where: str) -> None:
    kernel = fields.integers(node.attributes["kernel"], f"{where}, kernel", 1)
    if len(kernel) not in (1, 2):
        raise ArtifactError(f"{where}, kernel: {len(kernel)} spatial dimensions; 1 and 2 are supported")
    for name in ("strides", "dilations"):
        fields.integers(node.attributes[name], f"{where}, {name}", 1, len(kernel))
    fields.integers(node.attributes["pads"], f"{where}, pads", 0, 2 * len(kernel))


def _choices(node: Node, where: str) -> None:
    a = node.attributes
    if "function" in a:
        fields.choice(a["function"], f"{where}, function", _FUNCTIONS[node.op])
    if "activation" in a:
        fields.choice(a["activation"], f"{where}, activation", operators.ACTIVATIONS)
    if "mode" in a:
        fields.choice(a["mode"], f"{where}, mode", operators.PAD_MODES)
    if "format" in a:
        formats = frozenset(
            {"block16x1", "block16x4", "unstructured"} | ({"depthwise"} if node.op == "conv" else set())
        )
        fields.choice(a["format"], f"{where}, format", formats)


def _clip(a: dict[str, Any], where: str) -> None:
    wanted = "clip" in (a.get("function"), a.get("activation"))
    if wanted != ("clip" in a):
        raise ArtifactError(f"{where}, clip: {'missing' if wanted else 'given, but nothing here clips'}")
    if not wanted:
        return
    ends = fields.items(a["clip"], f"{where}, clip")
    if len(ends) != 2:
        raise ArtifactError(f"{where}, clip: not two entries")
    low, high = (None if end is None else fields.real(end, f"{where}, clip") for end in ends)
    if low is not None and high is not None and low > high:
        raise ArtifactError(f"{where}, clip: {low} is above {high}")


def check_shapes(node: Node, ranks: list[int], where: str) -> None:
    """Check the attributes of `node` that speak of dimensions of its inputs, which have these ranks."""
    a, rank = node.attributes, ranks[0]
    if node.op in ("gather_elements", "scatter_elements") and ranks[1] != rank:
        raise ArtifactError(f"{where}: indices of rank {ranks[1]} into rank {rank}")
    if "batch_dims" in a and a["batch_dims"] >= rank:
        raise ArtifactError(f"{where}, batch_dims: {a['batch_dims']} of {rank} dimensions")
    if "kernel" in a and rank != len(a["kernel"]) + 2:
        raise ArtifactError(f"{where}: input of rank {rank}; kernel {a['kernel']} needs {len(a['kernel']) + 2}")
    if "perm" in a and sorted(fields.integers(a["perm"], f"{where}, perm")) != list(range(rank)):
        raise ArtifactError(f"{where}, perm: {a['perm']} is no permutation of {rank} dimensions")
    if "axis" in a:
        fields.integer(a["axis"], f"{where}, axis", -rank, rank - (node.op != "flatten"))
    if "axes" in a:
        axes = [fields.integer(n, f"{where}, axes", -rank, rank - 1) for n in fields.items(a["axes"], f"{where}, axes")]
        if len({n % rank for n in axes}) != len(axes):
            raise ArtifactError(f"{where}, axes: {axes} repeats a dimension")
    if node.op == "pad":
        fields.integers(a["pads"], f"{where}, pads", 0, 2 * rank)
    if node.op == "slice":
        _slice(a, where)
    if node.op == "reshape":
        _reshape(a["shape"], rank, where)


def _slice(a: dict[str, Any], where: str) -> None:
    for name in ("starts", "ends", "steps"):
        fields.integers(a[name], f"{where}, {name}", length=len(a["axes"]))
    if 0 in a["steps"]:
        raise ArtifactError(f"{where}, steps: a step is 0")


def _reshape(field: Any, rank: int, where: str) -> None:
    shape = fields.integers(field, f"{where}, shape", -1)
    if len(shape) > fields.MAX_RANK:
        raise ArtifactError(f"{where}, shape: rank {len(shape)} is above {fields.MAX_RANK}")
    if shape.count(-1) > 1:
        raise ArtifactError(f"{where}, shape: {shape} has more than one -1")
    if 0 in shape[rank:]:
        raise ArtifactError(f"{where}, shape: {shape} copies a dimension that the input of rank {rank} lacks")
