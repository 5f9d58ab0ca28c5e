"""MatMul and Gemm: `linear` where the right operand is a constant matrix, else `matmul`."""

from collections.abc import Callable

import numpy as np

from apus.artifact import Array
from apus.compile.lower.context import Call
from apus.compile.lower.convolution import bias_tensors, weight_tensors


def _linear(call: Call, x: str, transposed: bool, bias: dict[str, str]) -> str:
    """y = x · Wᵀ, W [M, K] being input 1, or its transpose."""

    def order(weight: Array) -> Array:
        return weight if transposed else np.ascontiguousarray(weight.T)

    shape = [int(d) for d in call.context.shape(call.inputs[1])]
    channels, inputs = shape if transposed else shape[::-1]
    given = call.graph.values[x].shape
    if given[-1] != inputs:
        call.refuse(f"input {given} does not fit weight {shape}: its last dimension must be the fixed number {inputs}")
    return call.emit("linear", [x], {"channels": channels}, weight_tensors(call, 1, order) | bias)


def matmul(call: Call) -> str:
    """MatMul by the rules of numpy.matmul."""
    if call.dtype() == "float32" and call.is_constant(1) and len(call.shape(1)) == 2 and not call.is_constant(0):
        return _linear(call, call.value(), transposed=False, bias={})
    if not call.is_constant(0) and call.graph.values[call.value()].quantised:
        call.refuse("its input is quantised; only numbers are supported")
    return call.emit("matmul", [call.operand(0), call.operand(1)])


def gemm(call: Call) -> str:
    """Gemm: alpha · A · B + beta · C."""
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    transposed = bool(call.attribute("transB", 0))
    a = call.operand(0)
    if call.attribute("transA", 0):
        a = call.emit("transpose", [call.value()], {"perm": [1, 0]})
    if not call.is_constant(1) or call.is_constant(0) or call.dtype() != "float32":
        b = call.operand(1)
        b = call.emit("transpose", [call.value(1)], {"perm": [1, 0]}) if transposed else b
        return _add_bias(call, _scaled(call, call.emit("matmul", [a, b]), alpha), beta)
    rows = call.shape(1)[0 if transposed else 1]
    inside = alpha == 1 and beta == 1 and call.is_constant(2) and _is_vector(call.shape(2), rows)
    bias = bias_tensors(call, 2, int(rows)) if inside else {}
    y = _linear(call, a, transposed, bias)
    return y if inside else _add_bias(call, _scaled(call, y, alpha), beta)


def _is_vector(shape: list[int | str], rows: int | str) -> bool:
    return shape in ([], [1], [rows])


def _scaled(call: Call, y: str, factor: float) -> str:
    return y if factor == 1 else call.apply("mul", y, call.keep(np.asarray(factor, call.dtype_of(y))))


def _add_bias(call: Call, y: str, beta: float) -> str:
    if not call.has(2) or beta == 0:
        return y
    if call.is_constant(2):
        return call.apply("add", y, call.keep((np.float32(beta) * call.constant(2)).astype(call.dtype_of(y))))
    return call.apply("add", y, _scaled(call, call.value(2), beta))


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {"MatMul": matmul, "Gemm": gemm}
