"""Operators that move elements without changing them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from apus.artifact import Dim
from apus.compile import dims
from apus.compile.lower.context import Call
from apus.compile.shapes import INT32_MAX


def reshape_to(call: Call, x: str, target: list[Dim]) -> str:
    """Emit a reshape of `x` to `target`, symbols expressed by 0 (same dimension) and one −1."""
    source = call.graph.values[x].shape
    shape: list[int] = []
    for i, dim in enumerate(target):
        if isinstance(dim, int):
            shape.append(dim)
        else:
            shape.append(0 if i < len(source) and source[i] == dim else -1)
    if shape.count(-1) > 1:
        call.refuse(f"from {source} to {target}: two dimensions depend on the input; fix one: shapes={{name: [...]}}")
    return call.emit("reshape", [x], {"shape": shape})


def reshape(call: Call) -> str:
    """Reshape to a constant, or to a shape computed from known and symbolic dimensions."""
    name = call.inputs[1]
    if name not in call.context.constants:
        call.refuse("its target shape depends on data; only shapes computed from shapes are supported")
    source = call.shape()
    target: list[Dim] = [d if isinstance(d, str) else int(d) for d in call.context.constants[name].reshape(-1)]
    if not call.attribute("allowzero", 0):
        target = [source[i] if d == 0 else d for i, d in enumerate(target)]
    if -1 in target:
        known = dims.product([d for d in target if d != -1])
        target[target.index(-1)] = dims.divide(dims.product(source), known) if known != 0 else 0
    return reshape_to(call, call.value(), target)


def flatten(call: Call) -> str:
    """Flatten to two dimensions."""
    rank = len(call.shape())
    axis = int(call.attribute("axis", 1))
    return call.emit("flatten", [call.value()], {"axis": axis % rank if axis < 0 else axis})


def squeeze(call: Call) -> str:
    """Squeeze; without axes every dimension of 1 goes."""
    source = call.shape()
    axes = call.setting("axes", 1) or [i for i, d in enumerate(source) if d == 1]
    gone = {int(axis) % len(source) for axis in axes}
    return reshape_to(call, call.value(), [d for i, d in enumerate(source) if i not in gone])


def unsqueeze(call: Call) -> str:
    """Unsqueeze: new dimensions of 1 at `axes` of the result."""
    source = call.shape()
    rank = len(source) + len(call.setting("axes", 1))
    new = {int(axis) % rank for axis in call.setting("axes", 1)}
    rest = iter(source)
    return reshape_to(call, call.value(), [1 if i in new else next(rest) for i in range(rank)])


def transpose(call: Call) -> str:
    """Transpose; without perm it reverses the dimensions."""
    perm = call.attribute("perm", list(range(len(call.shape())))[::-1])
    return call.emit("transpose", [call.value()], {"perm": perm})


def concat(call: Call) -> str:
    """Concat of activations."""
    present = [i for i in range(len(call.inputs)) if 0 not in call.shape(i)]
    axis = int(call.attribute("axis")) % len(call.shape())
    if len(present) == 1:
        return call.value(present[0])
    return call.emit("concat", [call.value(i) for i in present], {"axis": axis})


def _clamp(number: int) -> int:
    return max(-INT32_MAX, min(INT32_MAX, int(number)))


def _emit_slice(call: Call, axes: list[int], starts: list[int], ends: list[int], steps: list[int]) -> str:
    numbers: dict[str, Any] = {"axes": axes, "steps": steps}
    numbers |= {"starts": [_clamp(n) for n in starts], "ends": [_clamp(n) for n in ends]}
    return call.emit("slice", [call.value()], numbers)


def slice_(call: Call) -> str:
    """Slice with constant ends."""
    starts, ends = call.setting("starts", 1), call.setting("ends", 2)
    axes = call.setting("axes", 3) or list(range(len(starts)))
    steps = call.constant(4).tolist() if call.has(4) else [1] * len(starts)
    return _emit_slice(call, [int(axis) % len(call.shape()) for axis in axes], starts, ends, steps)


def split(call: Call) -> list[str]:
    """Split into slices."""
    axis = int(call.attribute("axis", 0)) % len(call.shape())
    sizes, parts = call.setting("split", 1), len(call.outputs)
    dim = call.shape()[axis]
    if sizes is None:
        if isinstance(dim, str):
            call.refuse(f"dimension {dim!r} is symbolic, so the parts are unknown: pass shapes=")
        step = -(-dim // parts)
        sizes = [min(step, dim - i * step) for i in range(parts)]
    starts = np.cumsum([0, *sizes]).tolist()
    return [_emit_slice(call, [axis], [starts[i]], [starts[i + 1]], [1]) for i in range(parts)]


def gather(call: Call) -> str:
    """Gather of one constant index is a slice and a reshape."""
    axis = int(call.attribute("axis", 0)) % len(call.shape())
    if call.is_constant(0) or not call.is_constant(1) or call.constant(1).size != 1:
        call.refuse("only one constant index into an activation is supported")
    index = int(call.constant(1).reshape(()))
    piece = _emit_slice(call, [axis], [index], [INT32_MAX if index == -1 else index + 1], [1])
    shape = call.shape()
    return reshape_to(call, piece, shape[:axis] + [1] * call.constant(1).ndim + shape[axis + 1 :])


def pad(call: Call) -> str:
    """Pad with a constant, by reflection, or with the edge."""
    rank = len(call.shape())
    mode = call.attribute("mode", "constant")
    pads = [int(n) for n in call.setting("pads", 1)]
    if call.has(3):
        axes = [int(axis) % rank for axis in call.constant(3).tolist()]
        spread = [0] * (2 * rank)
        for i, axis in enumerate(axes):
            spread[axis], spread[axis + rank] = pads[i], pads[i + len(axes)]
        pads = spread
    if mode not in ("constant", "reflect", "edge") or min(pads) < 0:
        call.refuse(f"mode {mode!r} with pads {pads}; constant, reflect, edge with pads ≥ 0 are supported")
    if not any(pads):
        return call.value()
    given = call.constant(2, 0.0) if call.has(2) else np.asarray(call.attribute("value", 0.0))
    value = float(np.float32(given.reshape(-1)[0])) if given.size else 0.0
    source = call.graph.values[call.value()]
    if source.quantised and source.scale is not None and call.has(2):
        call.refuse("it pads integers; put it before QuantizeLinear")
    return call.emit("pad", [call.value()], {"pads": pads, "mode": mode, "value": value})


def expand(call: Call) -> str:
    """Expand to a constant shape: a product with ones, or nothing where the shape stays."""
    name = call.inputs[1]
    if name not in call.context.constants:
        call.refuse("its target shape depends on data")
    source = call.shape()
    target: list[Dim] = [d if isinstance(d, str) else int(d) for d in call.context.constants[name].reshape(-1)]
    if dims.broadcast(source, target) == source:
        return call.value()
    if any(isinstance(d, str) for d in target):
        known: list[Dim] = [1 if isinstance(d, str) else d for d in target]
        if dims.broadcast(source, known) != dims.broadcast(source, target):
            call.refuse(f"to {target}: a symbolic dimension grows; pass shapes=")
        target = known
    return call.binary(call.value(), call.tensor(np.ones([int(d) for d in target], np.float32)), "mul")


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Concat": concat,
    "Slice": slice_,
    "Split": split,
    "Gather": gather,
    "Pad": pad,
    "Expand": expand,
}
