"""Functions of one element, and broadcasting operations of two or more, over every dtype."""

from collections.abc import Callable
from functools import partial

import numpy as np

from apus.artifact.operators import FLOATS
from apus.compile.lower.context import Call

_FUNCTIONS = {
    "Relu": "relu",
    "HardSwish": "hard_swish",
    "Softplus": "softplus",
    "Tanh": "tanh",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Abs": "abs",
    "Neg": "neg",
    "Sign": "sign",
    "Erf": "erf",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "asin",
    "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Asinh": "asinh",
    "Acosh": "acosh",
    "Atanh": "atanh",
    "IsNaN": "is_nan",
    "Not": "logical_not",
    "BitwiseNot": "bit_not",
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "And": "logical_and",
    "Or": "logical_or",
    "Xor": "logical_xor",
    "BitwiseAnd": "bit_and",
    "BitwiseOr": "bit_or",
    "BitwiseXor": "bit_xor",
    "Equal": "equal",
    "Less": "less",
    "LessOrEqual": "less_or_equal",
    "Where": "where",
}
_VARIADIC = {"Max": "max", "Min": "min", "Sum": "add"}
_ONNX_DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
}


def plain(call: Call, function: str) -> str:
    """A function without parameters."""
    operands = [call.operand(i) for i in range(len(call.inputs))]
    if len(operands) == 1 and operands[0] not in call.graph.values:
        operands = [call.value()]
    return call.apply(function, *operands)


def swapped(call: Call, function: str) -> str:
    """A comparison with its operands exchanged."""
    return call.apply(function, call.operand(1), call.operand(0))


def power(call: Call) -> str:
    """Pow; the exponent takes the base's dtype, but of integers both become float64 where the exponent is real."""
    base, exponent = call.operand(0), call.operand(1)
    dtype = call.dtype_of(base)
    if dtype not in FLOATS and call.dtype_of(exponent) in FLOATS:
        return call.cast(call.apply("pow", call.cast(base, "float64"), call.cast(exponent, "float64")), dtype)
    return call.apply("pow", base, call.cast(exponent, dtype))


def modulo(call: Call) -> str:
    """Mod: the sign of the divisor, or with `fmod` that of the dividend."""
    return plain(call, "fmod" if call.attribute("fmod", 0) else "mod")


def shift(call: Call) -> str:
    """BitShift."""
    return plain(call, "shift_left" if call.attribute("direction") == "LEFT" else "shift_right")


def is_inf(call: Call) -> str:
    """IsInf, of one sign or both."""
    x = call.value()
    signs = [call.attribute("detect_negative", 1), call.attribute("detect_positive", 1)]
    infinite = call.apply("is_inf", x)
    if all(signs):
        return infinite
    zero = call.keep(np.zeros((), call.dtype_of(x)))
    if not any(signs):
        return call.apply("logical_and", infinite, call.keep(np.asarray(False)))
    right = call.apply("less", x, zero) if signs[0] else call.apply("less", zero, x)
    return call.apply("logical_and", infinite, right)


def sigmoid(call: Call) -> str:
    """Sigmoid = 1 / (1 + exp(−x))."""
    x = call.value()
    if call.dtype_of(x) == "float32":
        return call.unary(x, "sigmoid")
    one = call.keep(np.ones((), call.dtype_of(x)))
    return call.apply("div", one, call.apply("add", one, call.apply("exp", call.apply("neg", x))))


def clip(call: Call) -> str:
    """Clip, with its ends as attributes (before opset 11) or inputs."""
    known = all(call.is_constant(i) for i in (1, 2) if call.has(i))
    if call.dtype() == "float32" and known:
        return _clip_known(call)
    x = call.operand(0)
    for index, function in ((1, "max"), (2, "min")):
        if call.has(index):
            x = call.apply(function, x, call.operand(index))
    return x


def _clip_known(call: Call) -> str:
    ends = [call.setting("min", 1), call.setting("max", 2)]
    low, high = (None if end is None or not np.isfinite(np.float32(end)) else float(np.float32(end)) for end in ends)
    if low is None and high is None:
        return call.value()
    if low is not None and high is not None:
        low = min(low, high)  # the standard: where min is above max, every value becomes max
    return call.unary(call.value(), "clip", clip=[low, high])


def variadic(call: Call, function: str) -> str:
    """One or more operands, joined from the left; constants come last so that each step has an activation."""
    order = sorted(range(len(call.inputs)), key=call.is_constant)
    result = call.operand(order[0])
    if len(order) == 1:
        return call.value()
    for index in order[1:]:
        result = call.apply(function, result, call.operand(index))
    return result


def mean(call: Call) -> str:
    """Mean of one or more operands."""
    total = variadic(call, "add")
    return call.apply("div", total, call.keep(np.asarray(len(call.inputs), call.dtype_of(total))))


def cast(call: Call) -> str:
    """Cast among the dtypes that the engine keeps."""
    to = _ONNX_DTYPES.get(int(call.attribute("to")))
    x = call.value()
    value = call.graph.values[x]
    if to is None or value.quantised:
        call.refuse(f"from {value.dtype} to ONNX type {call.attribute('to')} is not supported: export in float32")
    return _rounded(call, x) if to == "float16" else call.cast(x, to)


def _rounded(call: Call, x: str) -> str:
    """Cast to float16 rounds, but what is float16 in the model already is only kept with more digits here."""
    return x if call.context.is_half(call.inputs[0]) else call.cast(call.cast(x, "float16"), "float32")


def cast_like(call: Call) -> str:
    """CastLike: the second input is there for its dtype alone."""
    half = call.context.is_half(call.inputs[1])
    return _rounded(call, call.value()) if half else call.cast(call.value(), call.dtype(1))


def same(call: Call) -> list[str] | str:
    """What does nothing at inference; a Dropout's mask is all true."""
    if call.node.op_type != "Dropout":
        return call.value()
    if call.has(2) and (not call.is_constant(2) or call.constant(2).any()):
        call.refuse("it is in training mode; export the model in evaluation mode")
    if len(call.outputs) == 1:
        return call.value()
    return [call.value(), call.apply("copy", call.keep(np.ones(call.dims(), bool)))]


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = (
    {name: partial(plain, function=function) for name, function in _FUNCTIONS.items()}
    | {name: partial(variadic, function=function) for name, function in _VARIADIC.items()}
    | {
        "Sigmoid": sigmoid,
        "Greater": partial(swapped, function="less"),
        "GreaterOrEqual": partial(swapped, function="less_or_equal"),
        "Pow": power,
        "Mod": modulo,
        "BitShift": shift,
        "IsInf": is_inf,
        "Mean": mean,
        "Clip": clip,
        "Cast": cast,
        "CastLike": cast_like,
        "Identity": same,
        "Dropout": same,
    }
)
