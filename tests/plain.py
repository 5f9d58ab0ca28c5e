"""NumPy's answer to the operations of SPEC.md that take any dtype."""

from typing import Any

import numpy as np

from apus.artifact import Array, Node

UFUNCS: dict[str, Any] = {
    "copy": np.copy,
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sqrt": np.sqrt,
    "reciprocal": lambda a: (1 / a).astype(a.dtype),
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "is_nan": np.isnan,
    "is_inf": np.isinf,
    "logical_not": np.logical_not,
    "bit_not": np.invert,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "mod": np.mod,
    "fmod": np.fmod,
    "max": np.maximum,
    "min": np.minimum,
    "bit_and": np.bitwise_and,
    "bit_or": np.bitwise_or,
    "bit_xor": np.bitwise_xor,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "equal": np.equal,
    "less": np.less,
    "less_or_equal": np.less_equal,
    "where": np.where,
}


def _truncated(a: Array, b: Array) -> Array:
    """Division towards zero; by zero it gives zero."""
    if a.dtype.kind == "f":
        return np.divide(a, b)
    safe = np.where(b == 0, 1, b)
    exact = np.abs(a.astype(object)) // np.abs(safe.astype(object))
    signed = np.where((a < 0) != (safe < 0), -exact, exact)
    wrapped = (np.asarray(signed, object) & (2 ** (8 * a.dtype.itemsize) - 1)).astype(np.uint64).astype(a.dtype)
    return np.where(b == 0, 0, wrapped).astype(a.dtype)


def _power(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.power(a, b)
    mask, sign = 2 ** (8 * a.dtype.itemsize) - 1, a.dtype.kind == "i"

    def one(x: int, n: int) -> int:
        if n < 0:
            return 1 if x == 1 or (x == -1 and n % 2 == 0) else -1 if x == -1 else 0
        raw = pow(int(x), int(n), mask + 1)
        return raw - mask - 1 if sign and raw > mask // 2 else raw

    return np.frompyfunc(one, 2, 1)(a, b).astype(a.dtype)


def _shift(a: Array, b: Array, left: bool) -> Array:
    width = 8 * a.dtype.itemsize
    inside = (b >= 0) & (b < width)
    by = np.where(inside, b, 0).astype(a.dtype)
    moved = np.left_shift(a, by) if left else np.right_shift(a, by)
    beyond = np.zeros_like(moved) if left else np.where(a < 0, -1, 0).astype(a.dtype)
    return np.where(inside, moved, beyond)


def elementwise(function: str, operands: list[Array]) -> Array:
    """One function of `elementwise`."""
    with np.errstate(all="ignore"):
        if function == "div":
            return _truncated(*np.broadcast_arrays(*operands))
        if function == "pow":
            return _power(*operands)
        if function.startswith("shift"):
            return _shift(*np.broadcast_arrays(*operands), left=function == "shift_left")
        if function == "erf":
            import math

            return np.frompyfunc(math.erf, 1, 1)(operands[0]).astype(operands[0].dtype)
        return np.asarray(UFUNCS[function](*operands))


def _gather_nd(x: Array, indices: Array, batch_dims: int) -> Array:
    if batch_dims:
        return np.stack([_gather_nd(a, i, batch_dims - 1) for a, i in zip(x, indices, strict=True)])
    return x[tuple(np.moveaxis(indices, -1, 0))]


_COMBINE: dict[str, Any] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _scatter(node: Node, x: Array, indices: Array, updates: Array) -> Array:
    y, function = x.copy(), node.attributes["function"]
    if node.op == "scatter_nd":
        places: Any = tuple(np.moveaxis(indices, -1, 0))
    else:
        places = list(np.meshgrid(*map(np.arange, indices.shape), indexing="ij"))
        places[node.attributes["axis"]] = indices
        places = tuple(places)
    if function == "none":
        y[places] = updates
    else:
        _COMBINE[function].at(y, places, updates)
    return y


def _cumulative(a: dict[str, Any], x: Array) -> Array:
    axis, function = a["axis"], np.cumsum if a["function"] == "sum" else np.cumprod
    x = np.flip(x, axis) if a["reverse"] else x
    y = function(x, axis=axis, dtype=x.dtype)
    if a["exclusive"]:
        first = np.full_like(np.take(y, [0], axis), int(a["function"] == "prod"))
        y = np.concatenate([first, np.delete(y, -1, axis)], axis)
    return np.flip(y, axis) if a["reverse"] else y


def _arg(a: dict[str, Any], x: Array) -> Array:
    axis, function = a["axis"], np.argmax if a["function"] == "max" else np.argmin
    if a["last"]:
        return x.shape[axis] - 1 - function(np.flip(x, axis), axis=axis, keepdims=bool(a["keepdims"]))
    return np.asarray(function(x, axis=axis, keepdims=bool(a["keepdims"])))


def _top_k(a: dict[str, Any], x: Array) -> Array:
    key = -x.astype(np.float64) if a["largest"] else x
    order = np.take(np.argsort(key, axis=a["axis"], kind="stable"), np.arange(a["k"]), a["axis"])
    return order if a["positions"] else np.take_along_axis(x, order, a["axis"])


def run(node: Node, inputs: list[Array]) -> Array | None:
    """The result of `node`, or None if it is none of these operations."""
    a, x = node.attributes, inputs[0]
    if node.op == "elementwise":
        return elementwise(a["function"], inputs)
    if node.op == "gather":
        return np.take(x, inputs[1], axis=a["axis"])
    if node.op == "gather_elements":
        return np.take_along_axis(x, inputs[1] % max(x.shape[a["axis"]], 1), axis=a["axis"])
    if node.op == "gather_nd":
        return _gather_nd(x, inputs[1], a["batch_dims"])
    if node.op in ("scatter_elements", "scatter_nd"):
        return _scatter(node, *inputs)
    along = {"cumulative": _cumulative, "arg": _arg, "top_k": _top_k}.get(node.op)
    return along(a, x) if along else None
