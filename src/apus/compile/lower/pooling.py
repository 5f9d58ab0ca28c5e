"""Pools, and reductions, to which global pools belong."""

from collections.abc import Callable
from functools import partial

import numpy as np

from apus.compile.lower.context import Call
from apus.compile.lower.convolution import window_attributes


def pool(call: Call, op: str) -> str:
    """MaxPool or AveragePool."""
    attributes: dict[str, object] = dict(window_attributes(call, call.attribute("kernel_shape")))
    if call.attribute("ceil_mode", 0):
        attributes["ceil_mode"] = 1
    if op == "avg_pool" and call.attribute("count_include_pad", 0):
        attributes["count_include_pad"] = 1
    return call.emit(op, [call.value()], attributes)


def global_pool(call: Call, function: str) -> str:
    """Global pooling reduces every spatial dimension and keeps it as 1."""
    axes = list(range(2, len(call.shape())))
    return call.emit("reduce", [call.value()], {"function": function, "axes": axes, "keepdims": 1})


def reduce(call: Call, function: str) -> str:
    """ReduceMean and its kin."""
    return _reduced(call, call.value(), function)


def around(call: Call, before: str, after: str) -> str:
    """ReduceL1 = Σ |x|, ReduceL2 = √Σ x², ReduceSumSquare = Σ x², ReduceLogSum = log Σ x."""
    x = call.value()
    if before:
        x = call.apply("mul", x, x) if before == "square" else call.apply(before, x)
    total = _reduced(call, x, "sum")
    return call.apply(after, total) if after else total


def log_sum_exp(call: Call) -> str:
    """ReduceLogSumExp = m + log Σ exp(x − m), m the largest finite x, so that nothing overflows."""
    x = call.value()
    axes = _axes(call)
    keep = int(call.attribute("keepdims", 1))
    peak = call.fold(x, "max", axes)
    limit = np.finfo(call.dtype()).max
    ends = (call.keep(np.asarray(end, call.dtype())) for end in (-limit, limit))
    for function, end in zip(("max", "min"), ends, strict=True):
        peak = call.apply(function, peak, end)
    total = call.fold(call.apply("exp", call.apply("sub", x, peak)), "sum", axes)
    result = call.apply("add", call.apply("log", total), peak)
    return result if keep else call.fold(result, "max", axes, 0)


def _reduced(call: Call, x: str, function: str) -> str:
    if not np.size(call.setting("axes", 1, [])) and call.attribute("noop_with_empty_axes", 0):
        return x
    axes, keep = _axes(call), int(call.attribute("keepdims", 1))
    if function != "mean" or call.dtype_of(x) == "float32":
        return call.fold(x, function, axes, keep)
    count = int(np.prod(call.fixed([call.shape()[axis] for axis in axes])))
    total = call.fold(x, "sum", axes, keep)
    return call.apply("div", total, call.keep(np.asarray(count, call.dtype_of(x))))


def _axes(call: Call) -> list[int]:
    """Axes are an attribute before opset 18 (13 for sums), then an input."""
    rank = len(call.shape())
    axes = np.ravel(call.setting("axes", 1, [])).tolist()
    return sorted(int(axis) % rank for axis in axes) or list(range(rank))


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {
    "GlobalAveragePool": partial(global_pool, function="mean"),
    "GlobalMaxPool": partial(global_pool, function="max"),
    "ReduceMean": partial(reduce, function="mean"),
    "ReduceSum": partial(reduce, function="sum"),
    "ReduceMax": partial(reduce, function="max"),
    "ReduceMin": partial(reduce, function="min"),
    "ReduceProd": partial(reduce, function="prod"),
    "ReduceL1": partial(around, before="abs", after=""),
    "ReduceL2": partial(around, before="square", after="sqrt"),
    "ReduceSumSquare": partial(around, before="square", after=""),
    "ReduceLogSum": partial(around, before="", after="log"),
    "ReduceLogSumExp": log_sum_exp,
}
