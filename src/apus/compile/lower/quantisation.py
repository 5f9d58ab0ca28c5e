"""QuantizeLinear and DequantizeLinear of activations.

Signed bytes become unsigned: 128 is added to value and zero point.
"""

from collections.abc import Callable

import numpy as np

from apus.artifact import Value
from apus.compile.lower import integers
from apus.compile.lower.context import Call

# ONNX element types of narrow activations → lowest and highest integer; they are kept in bytes, clipped
_NARROW = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}
_ONNX_TYPES = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 21: "uint4", 22: "int4", 25: "uint2", 26: "int2"}


def _parameters(call: Call) -> tuple[float, int, str]:
    """Scale, zero point and dtype of an activation's (de)quantisation."""
    scale = call.constant(1)
    dtype = _ONNX_TYPES.get(call.attribute("output_dtype", 0), "uint8")
    zero_point = call.constant(2, np.zeros((), np.uint8)) if call.has(2) else np.zeros(scale.shape, np.uint8)
    dtype = zero_point.dtype.name if call.has(2) else dtype
    if scale.size != 1 or zero_point.size != 1:
        call.refuse("an activation is quantised per channel; only per-tensor parameters are supported")
    step = float(np.float32(scale.reshape(())))
    if not (np.isfinite(step) and step > 0):
        call.refuse(f"scale {step} is not above 0")
    return step, int(zero_point.reshape(-1)[0].astype(np.int32)), dtype


def _is_plain(call: Call, dtypes: set[str]) -> bool:
    """Whether one constant scale and zero point serve an input of these dtypes: then bytes keep their meaning."""
    given = call.graph.values[call.value()]
    known = all(call.is_constant(i) and call.constant(i).size == 1 for i in (1, 2) if call.has(i))
    if not known or given.dtype not in dtypes or call.constant(1).dtype != np.float32:
        return False
    kind = call.constant(2).dtype.name if call.has(2) else _ONNX_TYPES.get(call.attribute("output_dtype", 0), "uint8")
    return kind in _NARROW or kind in ("uint8", "int8")


def quantize(call: Call) -> str:
    """QuantizeLinear of an activation."""
    if not _is_plain(call, {"float32"}):
        return integers.quantize(call, _ONNX_TYPES.get(call.attribute("output_dtype", 0), "uint8"))
    scale, zero_point, dtype = _parameters(call)
    x = call.value()
    if call.graph.values[x].dtype != "float32":
        call.refuse(f"its input is {call.graph.values[x].dtype}; only float32 is supported")
    if dtype in _NARROW:
        low, high = (float(np.float32((end - zero_point) * np.float32(scale))) for end in _NARROW[dtype])
        x = call.unary(x, "clip", clip=[low, high])
    elif dtype not in ("uint8", "int8"):
        call.refuse(f"an activation is quantised to {dtype}; 8 bits and fewer are supported")
    signed = not dtype.startswith("u")
    return call.emit("quantize", [x], like=Value("uint8", [], scale, zero_point + 128 * signed))


def dequantize(call: Call) -> str:
    """DequantizeLinear of an activation."""
    if not _is_plain(call, {"uint8", "int8"}):
        return integers.dequantize(call)
    scale, zero_point, _ = _parameters(call)
    x = call.value()
    value = call.graph.values[x]
    if value.dtype == "int8":
        x = call.emit("cast", [x], like=Value("uint8", [], scale, zero_point + 128))
        return call.emit("dequantize", [x])
    if value.dtype != "uint8":
        call.refuse(f"its input is {value.dtype}; 8-bit activations are supported")
    if not value.quantised and x in call.graph.inputs:
        value.scale, value.zero_point = scale, zero_point  # a byte input means what its reader says
    if value.scale != scale or value.zero_point not in (zero_point, zero_point + 128):
        call.refuse(
            f"scale {scale} and zero point {zero_point} differ from those its input was quantised with"
            f" ({value.scale}, {value.zero_point})"
        )
    return call.emit("dequantize", [x])


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {"QuantizeLinear": quantize, "DequantizeLinear": dequantize}
