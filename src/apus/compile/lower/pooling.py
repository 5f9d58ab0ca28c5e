"""Pools, and reductions, to which global pools belong."""

from collections.abc import Callable
from functools import partial

from apus.compile.lower.context import Call
from apus.compile.lower.convolution import window_attributes


def pool(call: Call, op: str) -> str:
    """MaxPool or AveragePool."""
    if len(call.outputs) > 1:
        call.refuse("its Indices output is not supported")
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


def norm(call: Call, power: int) -> str:
    """ReduceL1 = Σ |x|, ReduceL2 = √Σ x²."""
    x = call.value()
    if call.graph.values[x].dtype != "float32":
        call.refuse(f"its input is {call.graph.values[x].dtype}; only float32 is supported")
    if power == 1:
        return _reduced(call, call.unary(x, "abs"), "sum")
    return call.unary(_reduced(call, call.binary(x, x, "mul"), "sum"), "sqrt")


def _reduced(call: Call, x: str, function: str) -> str:
    """Axes are an attribute before opset 18 (13 for sums), then an input."""
    axes = call.setting("axes", 1, [])
    if not axes and call.attribute("noop_with_empty_axes", 0):
        return x
    rank = len(call.shape())
    axes = sorted(int(axis) % rank for axis in axes) or list(range(rank))
    keep = int(call.attribute("keepdims", 1))
    return call.emit("reduce", [x], {"function": function, "axes": axes, "keepdims": keep})


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {
    "MaxPool": partial(pool, op="max_pool"),
    "AveragePool": partial(pool, op="avg_pool"),
    "GlobalAveragePool": partial(global_pool, function="mean"),
    "GlobalMaxPool": partial(global_pool, function="max"),
    "ReduceMean": partial(reduce, function="mean"),
    "ReduceSum": partial(reduce, function="sum"),
    "ReduceMax": partial(reduce, function="max"),
    "ReduceMin": partial(reduce, function="min"),
    "ReduceL1": partial(norm, power=1),
    "ReduceL2": partial(norm, power=2),
}
