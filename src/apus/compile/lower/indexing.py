"""Operators whose operand names places, and those that order elements along an axis."""

from collections.abc import Callable
from functools import partial

import numpy as np

from apus.artifact import Array, Value
from apus.compile.lower.context import Call

LARGE = 1 << 16  # elements from which a table is worth two more nodes


def _axis(call: Call, default: int = 0) -> int:
    return int(call.attribute("axis", default)) % len(call.shape())


def gather_elements(call: Call) -> str:
    """GatherElements."""
    return call.emit("gather_elements", [call.operand(0), call.operand(1)], {"axis": _axis(call)})


def stored_rows(call: Call) -> str | None:
    """Gather of rows of a large quantised table: its integers stay in the file, and the rows become float32 after.

    Args:
        call: a Gather; real = scale · integers, a scale for all, one a row, or one a place in the row.

    Returns:
        The rows, to the bit what the float32 table would give; None of another Gather.
    """
    table = call.context.quantised.get(call.inputs[0])
    if table is None or table.integers.size < LARGE or _axis(call) != 0:
        return None
    integers, places, last = table.int8(), call.operand(1), table.integers.ndim - 1
    axis = table.axis % table.integers.ndim if table.scale.ndim else None
    if integers is None or axis not in (None, 0, last):
        return None
    rows = _few_bits(call, integers, places)
    if rows is None:
        rows = call.cast(call.emit("gather", [call.keep(integers, call.inputs[0]), places], {"axis": 0}), "float32")
    if axis != 0:
        return call.binary(rows, call.tensor(table.scale), "mul")
    scales = call.tensor(table.scale.reshape(-1, *[1] * last))
    return call.binary(rows, call.emit("gather", [scales, places], {"axis": 0}), "mul")


def _few_bits(call: Call, integers: Array, places: str) -> str | None:
    """Rows of integers that fit 4 or 2 bits, as float32: kept in so many, the row's quarters or halves side by side."""
    low, high = int(integers.min()), int(integers.max())
    bits = next((bits for bits in (2, 4) if -(1 << bits - 1) <= low and high < 1 << bits - 1), 8)
    pieces, middle = 8 // bits, 1 << bits - 1
    if bits == 8 or integers.ndim != 2 or integers.shape[1] % pieces:
        return None
    parts = np.split((integers.astype(np.int16) + middle).astype(np.uint8), pieces, axis=1)
    packed = np.bitwise_or.reduce([part << np.uint8(place * bits) for place, part in enumerate(parts)])
    rows = call.emit("gather", [call.keep(packed.astype(np.uint8), call.inputs[0]), places], {"axis": 0})
    mask, found = call.keep(np.full((), (1 << bits) - 1, np.uint8)), []
    for place in range(pieces):
        moved = call.apply("shift_right", rows, call.keep(np.full((), place * bits, np.uint8))) if place else rows
        found.append(call.cast(call.apply("bit_and", moved, mask), "float32"))
    joined = call.emit("concat", found, {"axis": len(call.graph.values[rows].shape) - 1})
    return call.binary(joined, call.tensor(float(middle)), "sub")


def gather_nd(call: Call) -> str:
    """GatherND."""
    batch_dims = int(call.attribute("batch_dims", 0))
    return call.emit("gather_nd", [call.operand(0), call.operand(1)], {"batch_dims": batch_dims})


def scatter(call: Call, op: str) -> str:
    """ScatterElements (and Scatter, its first name) and ScatterND."""
    attributes: dict[str, object] = {"function": call.attribute("reduction", "none")}
    if op == "scatter_elements":
        attributes["axis"] = _axis(call)
    return call.emit(op, [call.operand(i) for i in range(3)], attributes)


def arg(call: Call, function: str) -> str:
    """ArgMax and ArgMin."""
    keep, last = int(call.attribute("keepdims", 1)), int(call.attribute("select_last_index", 0))
    attributes = {"function": function, "axis": _axis(call), "keepdims": keep, "last": last}
    return call.emit("arg", [call.value()], attributes, like=Value("int64", []))


def hardmax(call: Call) -> str:
    """Hardmax: 1 at the first largest element along the axis; before opset 13 the later axes are one."""
    x, shape = call.value(), call.shape()
    old = call.context.opset < 13
    axis = _axis(call, 1 if old else -1)
    dtype = call.dtype_of(x)
    if old and axis != len(shape) - 1:
        dims = call.fixed(shape)
        x, axis = call.reshape(x, [int(np.prod(dims[:axis])), int(np.prod(dims[axis:]))]), 1
    size = call.fixed([call.graph.values[x].shape[axis]])[0]
    attributes = {"function": "max", "axis": axis, "keepdims": 1, "last": 0}
    best = call.emit("arg", [x], attributes, like=Value("int64", []))
    places = np.arange(size).reshape([-1] + [1] * (len(call.graph.values[x].shape) - 1 - axis))
    hot = call.cast(call.apply("equal", best, call.keep(places)), dtype)
    return hot if call.graph.values[hot].shape == shape else call.reshape(hot, call.fixed(shape))


def cumulative(call: Call, function: str) -> str:
    """CumSum and CumProd."""
    axis = int(call.constant(1).reshape(())) % len(call.shape())
    flags = {name: int(call.attribute(name, 0)) for name in ("exclusive", "reverse")}
    return call.emit("cumulative", [call.value()], {"function": function, "axis": axis, **flags})


def top_k(call: Call) -> list[str]:
    """TopK: values and positions, each by a node of its own."""
    axis = _axis(call, -1)
    (k,) = np.ravel(call.constant(1)).tolist() if call.has(1) else [call.attribute("k")]
    if int(k) > call.fixed([call.shape()[axis]])[0]:
        call.refuse(f"k is {k}, but the axis has {call.shape()[axis]} elements")
    attributes = {"axis": axis, "k": int(k), "largest": int(call.attribute("largest", 1))}
    x = call.value()
    values = call.emit("top_k", [x], attributes | {"positions": 0})
    return [values, call.emit("top_k", [x], attributes | {"positions": 1}, like=Value("int64", []))]


def one_hot(call: Call) -> str:
    """OneHot: `values` are [off, on]; an index outside −depth..depth−1 gives only off."""
    depth = int(np.ravel(call.constant(1))[0])
    indices = call.cast(call.operand(0), "int64")
    rank = len(call.shape())
    axis = int(call.attribute("axis", -1)) % (rank + 1)
    shape = call.dims()
    at = call.apply("copy", indices) if indices in call.graph.tensors else indices
    spread = call.reshape(at, [*shape[:axis], 1, *shape[axis:]])
    ramp = np.arange(depth).reshape([-1] + [1] * (rank - axis))
    hot = call.apply("logical_or", *(call.apply("equal", spread, call.keep(ramp - by)) for by in (0, depth)))
    off, on = (call.gather(call.operand(2), [i], 0) for i in (0, 1))
    return call.apply("where", hot, on, off)


def trilu(call: Call) -> str:
    """Trilu: the triangle above (or below) diagonal k, zeros elsewhere."""
    k = int(call.constant(1, 0).reshape(())) if call.has(1) else 0
    rows, columns = call.fixed(call.shape()[-2:])
    upper = call.attribute("upper", 1)
    mask = np.triu(np.ones((rows, columns), bool), k) if upper else np.tril(np.ones((rows, columns), bool), k)
    return call.apply("where", call.keep(mask), call.operand(0), call.keep(np.zeros((), call.dtype())))


def reverse_sequence(call: Call) -> str:
    """ReverseSequence: the first `sequence_lens` steps of each batch in reverse order."""
    batch, time = int(call.attribute("batch_axis", 1)), int(call.attribute("time_axis", 0))
    shape = call.dims()
    lengths = call.cast(call.operand(1), "int64")
    lengths = call.apply("copy", lengths) if lengths in call.graph.tensors else lengths
    lengths = call.reshape(lengths, [shape[i] if i == batch else 1 for i in range(len(shape))])
    steps = call.keep(np.arange(shape[time]).reshape([-1 if i == time else 1 for i in range(len(shape))]))
    mirrored = call.apply("sub", call.apply("sub", lengths, call.keep(np.asarray(1))), steps)
    places = call.apply("where", call.apply("less", steps, lengths), mirrored, steps)
    full = call.apply("add", places, call.keep(np.zeros(shape, np.int64)))
    return call.emit("gather_elements", [call.operand(0), full], {"axis": time})


def tensor_scatter(call: Call) -> str:
    """TensorScatter: writes `update` into a cache at `write_indices` along the axis, linearly or in a ring."""
    past, update = call.dims(0), call.dims(1)
    axis = _axis(call, -2)
    start = call.operand(2) if call.has(2) else call.keep(np.zeros(past[0], np.int64))
    start = call.apply("copy", start) if start in call.graph.tensors else start
    start = call.reshape(start, [past[0]] + [1] * (len(past) - 1))
    ramp = np.arange(update[axis]).reshape([-1 if i == axis else 1 for i in range(len(past))])
    at = call.apply("add", start, call.keep(ramp))
    if call.attribute("mode", "linear") == "circular":
        at = call.apply("mod", at, call.keep(np.asarray(past[axis])))
    full = call.apply("add", at, call.keep(np.zeros(update, np.int64)))
    operands = [call.operand(0), full, call.operand(1)]
    return call.emit("scatter_elements", operands, {"axis": axis, "function": "none"})


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "ScatterElements": partial(scatter, op="scatter_elements"),
    "Scatter": partial(scatter, op="scatter_elements"),
    "ScatterND": partial(scatter, op="scatter_nd"),
    "ArgMax": partial(arg, function="max"),
    "ArgMin": partial(arg, function="min"),
    "Hardmax": hardmax,
    "CumSum": partial(cumulative, function="sum"),
    "CumProd": partial(cumulative, function="prod"),
    "TopK": top_k,
    "OneHot": one_hot,
    "Trilu": trilu,
    "ReverseSequence": reverse_sequence,
    "TensorScatter": tensor_scatter,
}
