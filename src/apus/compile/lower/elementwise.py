"""Functions of one element, and broadcasting operations of two or more."""

from collections.abc import Callable
from functools import partial

import numpy as np

from apus.artifact import Value
from apus.artifact.operators import DEFAULT_ALPHA, DEFAULT_BETA
from apus.compile.lower.context import Call

_UNARY = {
    "Relu": "relu",
    "HardSwish": "hard_swish",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Abs": "abs",
    "Neg": "neg",
    "Erf": "erf",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Softplus": "softplus",
}
_WITH_ALPHA = {"LeakyRelu": "leaky_relu", "Elu": "elu", "HardSigmoid": "hard_sigmoid"}
_BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow"}
_VARIADIC = {"Max": "max", "Min": "min", "Sum": "add"}


def _need_real(call: Call, name: str) -> None:
    value = call.graph.values.get(name)
    if value is not None and value.dtype != "float32":
        call.refuse(f"its input is {value.dtype}{' (quantised)' if value.quantised else ''}; only float32 is supported")


def _unary_of(call: Call, x: str, function: str, **attributes: float) -> str:
    _need_real(call, x)
    return call.unary(x, function, **attributes)


def unary(call: Call, function: str) -> str:
    """A function without parameters."""
    return _unary_of(call, call.value(), function)


def with_alpha(call: Call, function: str) -> str:
    """A function with parameters; they are always written out."""
    _need_real(call, call.value())
    parameters = {"alpha": float(call.attribute("alpha", DEFAULT_ALPHA[function]))}
    if function in DEFAULT_BETA:
        parameters["beta"] = float(call.attribute("beta", DEFAULT_BETA[function]))
    return call.unary(call.value(), function, **parameters)


def clip(call: Call) -> str:
    """Clip, with its ends as attributes (before opset 11) or inputs."""
    _need_real(call, call.value())
    ends = [call.setting("min", 1), call.setting("max", 2)]
    low, high = (None if end is None or not np.isfinite(np.float32(end)) else float(np.float32(end)) for end in ends)
    if low is None and high is None:
        return call.value()
    if low is not None and high is not None:
        low = min(low, high)  # the standard: where min is above max, every value becomes max
    return call.unary(call.value(), "clip", clip=[low, high])


def gelu(call: Call) -> str:
    """Gelu, exact or by tanh."""
    tanh = call.attribute("approximate", "none") == "tanh"
    return unary(call, "gelu_tanh" if tanh else "gelu")


def silu(call: Call) -> str:
    """Swish: x · sigmoid(alpha · x)."""
    alpha = call.attribute("alpha", 1.0)
    if alpha == 1:
        return unary(call, "silu")
    x = call.value()
    return call.binary(x, call.unary(call.binary(x, call.tensor(alpha), "mul"), "sigmoid"), "mul")


def selu(call: Call) -> str:
    """Selu = gamma · elu(x); its default factors are the standard's."""
    alpha = call.attribute("alpha", 1.67326319217681884765625)
    elu = _unary_of(call, call.value(), "elu", alpha=float(alpha))
    return call.binary(elu, call.tensor(call.attribute("gamma", 1.05070102214813232421875)), "mul")


def celu(call: Call) -> str:
    """Celu = alpha · elu(x / alpha)."""
    alpha = float(call.attribute("alpha", 1.0))
    if alpha <= 0:
        call.refuse(f"alpha is {alpha}; only positive ones are supported")
    if alpha == 1:
        return _unary_of(call, call.value(), "elu", alpha=1.0)
    scaled = call.binary(call.value(), call.tensor(1 / alpha), "mul")
    return call.binary(_unary_of(call, scaled, "elu", alpha=1.0), call.tensor(alpha), "mul")


def mish(call: Call) -> str:
    """Mish = x · tanh(softplus(x))."""
    x = call.value()
    return call.binary(x, call.unary(_unary_of(call, x, "softplus"), "tanh"), "mul")


def softsign(call: Call) -> str:
    """Softsign = x / (1 + |x|)."""
    x = call.value()
    return call.binary(x, call.binary(_unary_of(call, x, "abs"), call.tensor(1.0), "add"), "div")


def binary(call: Call, function: str) -> str:
    """A broadcasting operation of two operands."""
    for index in (0, 1):
        if not call.is_constant(index):
            _need_real(call, call.value(index))
    return call.binary(call.operand(0), call.operand(1), function)


def variadic(call: Call, function: str) -> str:
    """One or more operands, joined from the left; constants come last so that each step has an activation."""
    order = sorted(range(len(call.inputs)), key=call.is_constant)
    result = call.operand(order[0])
    _need_real(call, result)
    for index in order[1:]:
        result = call.binary(result, call.operand(index), function)
    return result


def prelu(call: Call) -> str:
    """PRelu = max(x, 0) + slope · min(x, 0)."""
    x = call.value()
    zero = call.tensor(0.0)
    if call.is_constant(1) and call.constant(1).size == 1:
        return call.unary(x, "leaky_relu", alpha=float(call.constant(1).reshape(())))
    negative = call.binary(call.binary(x, zero, "min"), call.operand(1), "mul")
    return call.binary(call.unary(x, "relu"), negative, "add")


def cast(call: Call) -> str:
    """Cast among the dtypes that the engine keeps."""
    dtypes = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool"}
    to = dtypes.get(int(call.attribute("to")))
    value = call.graph.values[call.value()]
    if to is None or value.quantised:
        call.refuse(f"from {value.dtype} to ONNX type {call.attribute('to')} is not supported: export in float32")
    return call.value() if to == value.dtype else call.emit("cast", [call.value()], like=Value(to, []))


def same(call: Call) -> str:
    """What does nothing at inference."""
    if len(call.outputs) > 1 and call.outputs[1] and list(call.node.outputs)[1].uses():
        call.refuse("its mask output is used; export the model in evaluation mode")
    if call.node.op_type == "Dropout" and call.has(2) and (not call.is_constant(2) or call.constant(2).any()):
        call.refuse("it is in training mode; export the model in evaluation mode")
    return call.value()


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = (
    {name: partial(unary, function=function) for name, function in _UNARY.items()}
    | {name: partial(with_alpha, function=function) for name, function in _WITH_ALPHA.items()}
    | {name: partial(binary, function=function) for name, function in _BINARY.items()}
    | {name: partial(variadic, function=function) for name, function in _VARIADIC.items()}
    | {
        "Gelu": gelu,
        "Swish": silu,
        "PRelu": prelu,
        "Selu": selu,
        "Celu": celu,
        "Mish": mish,
        "Softsign": softsign,
        "Clip": clip,
        "Cast": cast,
        "Identity": same,
        "Dropout": same,
    }
)
