"""Normalisations and softmax, written in simpler operations."""

from collections.abc import Callable

import numpy as np

from apus.compile.lower.context import Call
from apus.compile.lower.layout import reshape_to


def batch_norm(call: Call) -> str:
    """BatchNormalization at inference: y = x · s + t, per channel (`fold_affine` moves them into weights)."""
    if call.attribute("training_mode", 0) or any(call.outputs[1:]):
        call.refuse("it is in training mode; export the model in evaluation mode")
    if not all(call.is_constant(i) for i in range(1, 5)) or call.dtype() != "float32":
        return _batch_norm_any(call)
    gamma, beta, mean, variance = (call.constant(i).astype(np.float64) for i in range(1, 5))
    s = gamma / np.sqrt(variance + call.attribute("epsilon", 1e-5))
    t = beta - mean * s
    shape = [-1] + [1] * (len(call.shape()) - 2)
    scaled = call.binary(call.value(), call.tensor(s.reshape(shape)), "mul")
    return call.binary(scaled, call.tensor(t.reshape(shape)), "add")


def _channels(call: Call, index: int) -> str:
    """Input `index`, one number per channel, shaped to broadcast against the first input."""
    return call.reshape(call.value(index), [-1] + [1] * (len(call.shape()) - 2))


def _batch_norm_any(call: Call) -> str:
    gamma, beta, mean, variance = (_channels(call, i) for i in range(1, 5))
    epsilon = call.keep(np.asarray(call.attribute("epsilon", 1e-5), call.dtype(4)))
    scale = call.apply("div", gamma, call.apply("sqrt", call.apply("add", variance, epsilon)))
    return call.apply("add", call.apply("mul", call.apply("sub", call.value(), mean), scale), beta)


def _centred_and_deviation(call: Call, x: str, axes: list[int], epsilon: float) -> tuple[str, str]:
    mean = call.emit("reduce", [x], {"function": "mean", "axes": axes, "keepdims": 1})
    centred = call.binary(x, mean, "sub")
    square = call.binary(centred, centred, "mul")
    variance = call.emit("reduce", [square], {"function": "mean", "axes": axes, "keepdims": 1})
    return centred, call.unary(call.binary(variance, call.tensor(epsilon), "add"), "sqrt")


def layer_norm(call: Call) -> str:
    """LayerNormalization: (x − mean) / √(variance + ε) · scale + bias over the last axes."""
    if len(call.outputs) > 1 and any(call.outputs[1:]):
        call.refuse("its Mean and InvStdDev outputs are not supported")
    rank = len(call.shape())
    axes = list(range(call.attribute("axis", -1) % rank, rank))
    if _plain(call, axes):
        return _last_axis(call)
    centred, deviation = _centred_and_deviation(call, call.value(), axes, call.attribute("epsilon", 1e-5))
    y = call.binary(call.binary(centred, deviation, "div"), call.operand(1), "mul")
    return call.binary(y, call.operand(2), "add") if call.has(2) else y


def _plain(call: Call, axes: list[int]) -> bool:
    """Whether scale and bias are constants of the last axis alone, so that one operation does it."""
    count = call.shape()[-1]
    constants = [call.is_constant(i) and call.constant(i).shape == (count,) for i in (1, 2) if call.has(i)]
    real = call.graph.values[call.value()].dtype == "float32"
    return real and len(axes) == 1 and all(constants) and call.attribute("epsilon", 1e-5) >= 0


def _last_axis(call: Call) -> str:
    tensors = {"multiplier": call.tensor(call.constant(1), call.inputs[1])}
    if call.has(2):
        tensors["bias"] = call.tensor(call.constant(2), call.inputs[2])
    epsilon = float(np.float32(call.attribute("epsilon", 1e-5)))
    return call.emit("layer_norm", [call.value()], {"epsilon": epsilon}, tensors)


def instance_norm(call: Call) -> str:
    """InstanceNormalization: as layer norm, over the spatial axes of each channel."""
    rank = len(call.shape())
    centred, deviation = _centred_and_deviation(
        call, call.value(), list(range(2, rank)), call.attribute("epsilon", 1e-5)
    )
    if not (call.is_constant(1) and call.is_constant(2)):
        scaled = call.apply("mul", call.apply("div", centred, deviation), _channels(call, 1))
        return call.apply("add", scaled, _channels(call, 2))
    shape = [-1] + [1] * (rank - 2)
    y = call.binary(call.binary(centred, deviation, "div"), call.tensor(call.constant(1).reshape(shape)), "mul")
    return call.binary(y, call.tensor(call.constant(2).reshape(shape)), "add")


def group_norm(call: Call) -> str:
    """GroupNormalization: as layer norm, over the channels of each group."""
    shape, groups = call.shape(), int(call.attribute("num_groups"))
    channels = shape[1]
    if isinstance(channels, str) or channels % groups:
        call.refuse(f"{channels} channels cannot be parted into {groups} groups")
    flat = call.emit("reshape", [call.value()], {"shape": [0, groups, -1]})
    centred, deviation = _centred_and_deviation(call, flat, [2], call.attribute("epsilon", 1e-5))
    y = reshape_to(call, call.binary(centred, deviation, "div"), shape)
    for index, function in ((1, "mul"), (2, "add")):
        each = call.constant(index)
        if each.size != channels:
            call.refuse(f"{each.size} scales for {channels} channels, as before opset 21: export with 21 or later")
        y = call.binary(y, call.tensor(each.reshape([-1] + [1] * (len(shape) - 2))), function)
    return y


def softmax(call: Call) -> str:
    """Softmax; before opset 13 it flattens to two dimensions at `axis`."""
    rank = len(call.shape())
    old = call.context.opset < 13
    axis = int(call.attribute("axis", 1 if old else -1)) % rank
    if not old or axis == rank - 1:
        return call.emit("softmax", [call.value()], {"axis": axis})
    flat = call.emit("flatten", [call.value()], {"axis": axis})
    shape = call.shape()
    if sum(isinstance(d, str) for d in shape[1:]) or (isinstance(shape[0], str) and axis == 0):
        call.refuse("before opset 13 it flattens its input, whose shape is symbolic: export with opset 13 or later")
    back = [0 if axis == 1 else -1 if isinstance(shape[0], str) else int(shape[0]), *(int(d) for d in shape[1:])]
    return call.emit("reshape", [call.emit("softmax", [flat], {"axis": 1})], {"shape": back})


def log_softmax(call: Call) -> str:
    """LogSoftmax = (x − max) − log Σ exp(x − max), which stays finite where log(softmax) would not."""
    rank = len(call.shape())
    old = call.context.opset < 13
    axis = int(call.attribute("axis", 1 if old else -1)) % rank
    if old and axis != rank - 1:
        call.refuse("before opset 13 only the last axis is supported: export with opset 13 or later")
    over = {"axes": [axis], "keepdims": 1}
    x = call.value()
    shifted = call.binary(x, call.emit("reduce", [x], {"function": "max", **over}), "sub")
    total = call.emit("reduce", [call.unary(shifted, "exp")], {"function": "sum", **over})
    return call.binary(shifted, call.unary(total, "log"), "sub")


def local_response_norm(call: Call) -> str:
    """LRN: x / (bias + alpha / size · Σ of x² over `size` neighbouring channels)^beta."""
    x, size = call.value(), int(call.attribute("size"))
    channels, rank = call.fixed([call.shape()[1]])[0], len(call.shape())
    square = call.binary(x, x, "mul")
    pads = [0] * (2 * rank)
    pads[1], pads[1 + rank] = (size - 1) // 2, size - 1 - (size - 1) // 2
    padded = call.emit("pad", [square], {"pads": pads, "mode": "constant", "value": 0.0})
    total = ""
    for i in range(size):
        cut = {"axes": [1], "starts": [i], "ends": [i + channels], "steps": [1]}
        piece = call.emit("slice", [padded], cut)
        total = call.binary(total, piece, "add") if total else piece
    scaled = call.binary(total, call.tensor(call.attribute("alpha", 1e-4) / size), "mul")
    base = call.binary(scaled, call.tensor(call.attribute("bias", 1.0)), "add")
    return call.binary(x, call.binary(base, call.tensor(call.attribute("beta", 0.75)), "pow"), "div")


def lp_normalisation(call: Call) -> str:
    """LpNormalization: x / ‖x‖ along an axis, or 0 where the norm is 0."""
    x, p = call.value(), int(call.attribute("p", 2))
    axis = int(call.attribute("axis", -1)) % len(call.shape())
    size = call.apply("abs", x) if p == 1 else call.apply("mul", x, x)
    total = call.fold(size, "sum", [axis])
    norm = total if p == 1 else call.apply("sqrt", total)
    zero = call.keep(np.zeros((), call.dtype()))
    return call.apply("where", call.apply("equal", norm, zero), zero, call.apply("div", x, norm))


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "InstanceNormalization": instance_norm,
    "GroupNormalization": group_norm,
    "Softmax": softmax,
    "LogSoftmax": log_softmax,
    "LRN": local_response_norm,
    "LpNormalization": lp_normalisation,
}
