"""Operators that move elements without changing them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from apus.artifact import Dim
from apus.compile import dims
from apus.compile.lower.context import Call
from apus.compile.lower.indexing import stored_rows
from apus.compile.shapes import INT32_MAX


def reshape_to(call: Call, x: str, target: list[Dim]) -> str:
    """Emit a reshape of `x` to `target`, symbols expressed by 0 (same dimension) and one −1."""
    source = call.graph.values[x].shape
    if any(dim == 0 and source[i : i + 1] != [0] for i, dim in enumerate(target)):  # 0 would copy a dimension
        empty = call.keep(np.zeros(call.fixed(target), call.dtype_of(x)))
        return call.apply("copy", empty)
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
        call.need(1)
    source = call.shape()
    target: list[Dim] = [d if isinstance(d, str) else int(d) for d in call.context.constants[name].reshape(-1)]
    if not call.attribute("allowzero", 0) and 0 in target:
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
    axes = np.ravel(call.setting("axes", 1, [])).tolist() or [i for i, d in enumerate(source) if d == 1]
    gone = {int(axis) % len(source) for axis in axes}
    return reshape_to(call, call.value(), [d for i, d in enumerate(source) if i not in gone])


def unsqueeze(call: Call) -> str:
    """Unsqueeze: new dimensions of 1 at `axes` of the result."""
    source = call.shape()
    axes = np.ravel(call.setting("axes", 1)).tolist()  # some exporters give one axis as a scalar
    rank = len(source) + len(axes)
    new = {int(axis) % rank for axis in axes}
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
    starts, ends = (np.ravel(call.setting(name, i)).tolist() for i, name in ((1, "starts"), (2, "ends")))
    axes = call.setting("axes", 3) or list(range(len(starts)))
    steps = call.constant(4).tolist() if call.has(4) else [1] * len(starts)
    return _emit_slice(call, [int(axis) % len(call.shape()) for axis in axes], starts, ends, steps)


def split(call: Call) -> list[str]:
    """Split into slices."""
    axis = int(call.attribute("axis", 0)) % len(call.shape())
    sizes, parts = call.setting("split", 1), len(call.outputs)
    dim = call.shape()[axis]
    if sizes is None:
        parts = int(call.attribute("num_outputs", parts))
        if isinstance(dim, str):
            call.refuse(f"dimension {dim!r} is symbolic, so the parts are unknown: pass shapes=")
        step = -(-dim // parts)
        sizes = [min(step, dim - i * step) for i in range(parts)]
    starts = np.cumsum([0, *sizes]).tolist()
    return [_emit_slice(call, [axis], [starts[i]], [starts[i + 1]], [1]) for i in range(parts)]


def gather(call: Call) -> str:
    """Gather; of one constant index a slice and a reshape, of a quantised table its integers."""
    if (rows := stored_rows(call)) is not None:
        return rows
    axis = int(call.attribute("axis", 0)) % len(call.shape())
    if call.is_constant(0) or not call.is_constant(1) or call.constant(1).size != 1:
        return call.emit("gather", [call.operand(0), call.operand(1)], {"axis": axis})
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
    if not any(pads):
        return call.value()
    dims = call.shape()
    small = any(
        pads[i] + pads[i + rank] and isinstance(d, int) and max(pads[i], pads[i + rank]) >= d
        for i, d in enumerate(dims)
    )
    if mode == "wrap" or min(pads) < 0 or (mode == "reflect" and small):
        return _pad_by_index(call, mode, pads)
    value = _pad_value(call)
    source = call.graph.values[call.value()]
    if source.quantised and source.scale is not None and call.has(2):
        call.refuse("it pads integers; put it before QuantizeLinear")
    return call.emit("pad", [call.value()], {"pads": pads, "mode": mode, "value": value})


def _pad_value(call: Call) -> float:
    given = call.constant(2, 0.0) if call.has(2) else np.asarray(call.attribute("value", 0.0))
    number = given.reshape(-1)[0] if given.size else 0.0
    value = float(np.float32(number))
    if given.dtype.kind in "iu" and value != number:
        call.refuse(f"its value {number} has more digits than a float32")
    return value


def _pad_by_index(call: Call, mode: str, pads: list[int]) -> str:
    """Negative pads crop, and an axis that repeats more than its length is gathered."""
    x, rank, dims = call.value(), len(call.shape()), call.dims()
    for axis, dim in enumerate(dims):
        begin, end = pads[axis], pads[axis + rank]
        kept = np.arange(max(-begin, 0), dim - max(-end, 0))
        grown = [(max(begin, 0), max(end, 0))]
        if mode != "constant" and (begin or end):
            x = call.gather(x, np.pad(kept, grown, mode=mode), axis)  # type: ignore[call-overload]
        elif len(kept) != dim:
            x = call.gather(x, kept, axis)
    rest = [max(p, 0) for p in pads]
    if mode != "constant" or not any(rest):
        return x
    return call.emit("pad", [x], {"pads": rest, "mode": "constant", "value": _pad_value(call)})


def expand(call: Call) -> str:
    """Expand to a constant shape: a product with ones, or nothing where the shape stays."""
    name = call.inputs[1]
    if name not in call.context.constants:
        call.need(1)
    source = call.shape()
    target: list[Dim] = [d if isinstance(d, str) else int(d) for d in call.context.constants[name].reshape(-1)]
    if dims.broadcast(source, target) == source:
        return call.value()
    if any(isinstance(d, str) for d in target):
        known: list[Dim] = [1 if isinstance(d, str) else d for d in target]
        if dims.broadcast(source, known) != dims.broadcast(source, target):
            call.refuse(f"to {target}: a symbolic dimension grows; pass shapes=")
        target = known
    if call.dtype() == "float32":
        return call.binary(call.value(), call.tensor(np.ones([int(d) for d in target], np.float32)), "mul")
    result = dims.broadcast(source, target)
    new: list[Dim] = [1] * (len(result) - len(source))
    x = reshape_to(call, call.value(), new + source)
    for axis, (before, after) in enumerate(zip(call.graph.values[x].shape, result, strict=True)):
        if before != after:
            x = call.gather(x, np.zeros(int(after), np.int64), axis)
    return x


def tile(call: Call) -> str:
    """Tile: each axis is read over and over."""
    x = call.value()
    for axis, (dim, times) in enumerate(zip(call.dims(), call.constant(1).tolist(), strict=True)):
        if times != 1:
            x = call.gather(x, np.tile(np.arange(dim), int(times)), axis)
    return x


def from_known(call: Call) -> str:
    """ConstantOfShape, Range, MelWeightMatrix: folded once what they read is known."""
    for index in range(len(call.inputs)):
        call.constant(index)
    call.refuse("it reads a shape with symbols: pass shapes=")


def eye_like(call: Call) -> str:
    """EyeLike: only the shape of its input counts."""
    rows, columns = call.dims()
    dtype = (
        onnx.helper.tensor_dtype_to_np_dtype(call.attribute("dtype")).name if call.attribute("dtype") else call.dtype()
    )
    return call.apply("copy", call.keep(np.eye(rows, columns, call.attribute("k", 0)).astype(dtype)))


def size(call: Call) -> str:
    """Size of a fixed shape."""
    return call.apply("copy", call.keep(np.asarray(int(np.prod(call.dims())), np.int64)))


def depth_to_space(call: Call) -> str:
    """DepthToSpace: blocks of channels become blocks of places."""
    n, c, h, w = call.dims()
    b = int(call.attribute("blocksize"))
    inner = c // (b * b)
    crd = call.attribute("mode", "DCR") == "CRD"
    parts = call.reshape(call.value(), [n, inner, b, b, h, w] if crd else [n, b, b, inner, h, w])
    moved = call.permute(parts, [0, 1, 4, 2, 5, 3] if crd else [0, 3, 4, 1, 5, 2])
    return call.reshape(moved, [n, inner, h * b, w * b])


def space_to_depth(call: Call) -> str:
    """SpaceToDepth: the reverse."""
    n, c, h, w = call.dims()
    b = int(call.attribute("blocksize"))
    crd = call.attribute("mode", "DCR") == "CRD"
    parts = call.reshape(call.value(), [n, c, h // b, b, w // b, b])
    return call.reshape(
        call.permute(parts, [0, 1, 3, 5, 2, 4] if crd else [0, 3, 5, 1, 2, 4]), [n, c * b * b, h // b, w // b]
    )


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
    "Tile": tile,
    "ConstantOfShape": from_known,
    "Range": from_known,
    "MelWeightMatrix": from_known,
    "EyeLike": eye_like,
    "Size": size,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
