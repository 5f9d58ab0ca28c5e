"""Products of integers, exact in int32, and quantisation whose parameters are not one constant."""

from collections.abc import Callable

import numpy as np

from apus.artifact import Array
from apus.compile.lower.context import Call
from apus.compile.lower.windows import convolve

_RANGES = {name: (np.iinfo(name).min, np.iinfo(name).max) for name in ("uint8", "int8", "uint16", "int16")}


def along(call: Call, parameter: str, rank: int, axis: int) -> str:
    """A scale or zero point of one element or one per place of `axis`, shaped to broadcast."""
    known = call.graph.tensors.get(parameter)
    shape = call.graph.values[parameter].shape if known is None else known.shape
    if len(shape) != 1 or (shape[0] == 1 and rank == 0):
        return parameter if not shape else call.reshape(_as_value(call, parameter), [])
    if shape[0] == 1:
        return call.reshape(_as_value(call, parameter), [1] * rank)
    return call.reshape(_as_value(call, parameter), [-1 if i == axis % rank else 1 for i in range(rank)])


def _as_value(call: Call, name: str) -> str:
    return call.apply("copy", name) if name in call.graph.tensors else name


def centred(call: Call, index: int, zero_index: int, axis: int) -> str:
    """Input `index` in int32 without its zero point, which is input `zero_index`, along `axis`."""
    x = call.cast(call.value(index), "int32")
    if not call.has(zero_index):
        return x
    zero = call.cast(call.value(zero_index), "int32")
    return call.apply("sub", x, along(call, zero, len(call.shape(index)), axis))


def matmul_integer(call: Call) -> str:
    """MatMulInteger."""
    return call.emit("matmul", [centred(call, 0, 2, -2), centred(call, 1, 3, -1)])


def conv_integer(call: Call) -> str:
    """ConvInteger."""
    return convolve(call, centred(call, 0, 2, 1), centred(call, 1, 3, 0), None)


def _requantised(call: Call, total: str, scales: list[str], zero: str, rank: int, axis: int) -> str:
    """round(total · s_a · s_b / s_y) + zero point, in the zero point's dtype."""
    a, b, y = (along(call, scale, rank, axis) for scale in scales)
    factor = call.apply("div", call.apply("mul", _as_value(call, a), b), y)
    real = call.apply("mul", call.cast(total, "float32"), factor)
    return saturated(call, call.apply("round", real), along(call, zero, rank, axis))


def saturated(call: Call, rounded: str, zero: str) -> str:
    """rounded + zero, clamped to the range of the zero point's dtype, in that dtype."""
    dtype = call.dtype_of(zero)
    if dtype not in _RANGES:
        call.refuse(f"it quantises to {dtype}; {' '.join(_RANGES)} are supported")
    low, high = (call.keep(np.asarray(end, np.float32)) for end in _RANGES[dtype])
    shifted = call.apply("add", rounded, call.cast(zero, "float32"))
    return call.cast(call.apply("min", call.apply("max", shifted, low), high), dtype)


def qlinear_matmul(call: Call) -> str:
    """QLinearMatMul."""
    total = call.emit("matmul", [centred(call, 0, 2, -2), centred(call, 3, 5, -1)])
    rank = len(call.graph.values[total].shape)
    if any(len(call.shape(i)) > 1 or call.shape(i) not in ([], [1]) for i in (1, 4, 6)):
        call.refuse("scales per row or column are not supported")
    return _requantised(call, total, [call.operand(i) for i in (1, 4, 6)], call.operand(7), rank, -1)


def qlinear_conv(call: Call) -> str:
    """QLinearConv."""
    bias = call.operand(8) if call.has(8) else None
    total = convolve(call, centred(call, 0, 2, 1), centred(call, 3, 5, 0), bias)
    rank = len(call.graph.values[total].shape)
    return _requantised(call, total, [call.operand(i) for i in (1, 4, 6)], call.operand(7), rank, 1)


def quantize(call: Call, default: str) -> str:
    """QuantizeLinear with any parameters: saturate(round(x / scale) + zero point)."""
    x, rank = call.cast(call.value(), "float32"), len(call.shape())
    axis = int(call.attribute("axis", 1))
    zero = call.operand(2) if call.has(2) else call.keep(np.zeros((), default))
    scale, zero = (_spread(call, p, rank, axis) for p in (call.cast(call.operand(1), "float32"), zero))
    return saturated(call, call.apply("round", call.apply("div", x, scale)), zero)


def dequantize(call: Call) -> str:
    """DequantizeLinear with any parameters: (x − zero point) · scale."""
    rank, axis = len(call.shape()), int(call.attribute("axis", 1))
    x = call.cast(call.value(), "int32")
    if call.has(2):
        x = call.apply("sub", x, _spread(call, call.cast(call.value(2), "int32"), rank, axis))
    return call.apply("mul", call.cast(x, "float32"), _spread(call, call.cast(call.operand(1), "float32"), rank, axis))


def _spread(call: Call, parameter: str, rank: int, axis: int) -> str:
    """A parameter as it broadcasts against the input; one per block is repeated."""
    block = int(call.attribute("block_size", 0))
    if not block:
        return along(call, parameter, rank, axis) if rank else parameter
    axis %= rank
    value = _as_value(call, parameter)
    if not call.graph.values[value].shape:
        return value
    size, parts = call.fixed([call.shape()[axis], call.graph.values[value].shape[axis]])
    places: Array = np.repeat(np.arange(parts), block)[:size]
    return call.gather(value, places, axis)


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {
    "MatMulInteger": matmul_integer,
    "ConvInteger": conv_integer,
    "QLinearMatMul": qlinear_matmul,
    "QLinearConv": qlinear_conv,
}
