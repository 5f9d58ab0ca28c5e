"""Activation functions with parameters, or made of several simpler ones."""

from collections.abc import Callable
from functools import partial

import numpy as np

from apus.artifact.operators import DEFAULT_ALPHA, DEFAULT_BETA
from apus.compile.lower.context import Call

_WITH_ALPHA = {"LeakyRelu": "leaky_relu", "Elu": "elu", "HardSigmoid": "hard_sigmoid"}


def _need_real(call: Call, name: str) -> None:
    value = call.graph.values.get(name)
    if value is not None and value.dtype != "float32":
        call.refuse(f"its input is {value.dtype}{' (quantised)' if value.quantised else ''}; only float32 is supported")


def _unary_of(call: Call, x: str, function: str, **attributes: float) -> str:
    _need_real(call, x)
    return call.unary(x, function, **attributes)


def with_alpha(call: Call, function: str) -> str:
    """A function with parameters; they are always written out."""
    _need_real(call, call.value())
    parameters = {"alpha": float(call.attribute("alpha", DEFAULT_ALPHA[function]))}
    if function in DEFAULT_BETA:
        parameters["beta"] = float(call.attribute("beta", DEFAULT_BETA[function]))
    return call.unary(call.value(), function, **parameters)


def gelu(call: Call) -> str:
    """Gelu, exact or by tanh."""
    tanh = call.attribute("approximate", "none") == "tanh"
    return _unary_of(call, call.value(), "gelu_tanh" if tanh else "gelu")


def silu(call: Call) -> str:
    """Swish: x · sigmoid(alpha · x)."""
    alpha = call.attribute("alpha", 1.0)
    x = call.value()
    if alpha == 1:
        return _unary_of(call, x, "silu")
    return call.apply("mul", x, _unary_of(call, call.apply("mul", x, call.tensor(alpha)), "sigmoid"))


def selu(call: Call) -> str:
    """Selu = gamma · elu(x); its default factors are the standard's."""
    alpha = call.attribute("alpha", 1.67326319217681884765625)
    elu = _unary_of(call, call.value(), "elu", alpha=float(alpha))
    return call.binary(elu, call.tensor(call.attribute("gamma", 1.05070102214813232421875)), "mul")


def _celu_as_written(call: Call, alpha: float) -> str:
    """max(x, 0) + min(alpha · (exp(x / alpha) − 1), 0), which is not an elu where alpha is negative."""
    x, zero, one = call.value(), call.tensor(0.0), call.tensor(1.0)
    grown = call.apply("exp", call.apply("div", x, call.tensor(alpha)))
    below = call.apply("mul", call.apply("sub", grown, one), call.tensor(alpha))
    return call.apply("add", call.apply("max", x, zero), call.apply("min", below, zero))


def celu(call: Call) -> str:
    """Celu = alpha · elu(x / alpha)."""
    alpha = float(call.attribute("alpha", 1.0))
    if alpha <= 0:
        return _celu_as_written(call, alpha)
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


def prelu(call: Call) -> str:
    """PRelu = max(x, 0) + slope · min(x, 0)."""
    x = call.value()
    zero = call.keep(np.zeros((), call.dtype_of(x)))
    if call.dtype_of(x) == "float32" and call.is_constant(1) and call.constant(1).size == 1:
        return call.unary(x, "leaky_relu", alpha=float(call.constant(1).reshape(())))
    slope = call.operand(1)
    if call.context.opset < 7 and len(call.shape(1)) == 1:  # one per channel, not broadcast from the last dimension
        slope = call.reshape(call.value(1), [-1] + [1] * (len(call.shape()) - 2))
    negative = call.apply("mul", call.apply("min", x, zero), slope)
    return call.apply("add", call.apply("max", x, zero), negative)


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {
    name: partial(with_alpha, function=function) for name, function in _WITH_ALPHA.items()
} | {
    "Gelu": gelu,
    "Swish": silu,
    "PRelu": prelu,
    "Selu": selu,
    "Celu": celu,
    "Mish": mish,
    "Softsign": softsign,
}
