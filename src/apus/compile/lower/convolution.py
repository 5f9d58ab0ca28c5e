"""Conv, and the padding rules it shares with pooling."""

from collections.abc import Callable

import numpy as np

from apus.artifact import Array
from apus.compile.draft import add_tensor
from apus.compile.lower.context import Call, QuantisedConstant


def window_attributes(call: Call, kernel: list[int]) -> dict[str, list[int]]:
    """kernel, strides, pads and dilations of a Conv or pooling node, `auto_pad` resolved.

    Args:
        call: the node.
        kernel: its window, one entry per spatial axis.

    Returns:
        Attributes of SPEC.md §5.
    """
    rank = len(kernel)
    if rank not in (1, 2):
        call.refuse(f"{rank} spatial dimensions; 1 and 2 are supported: fold or split the others")
    strides = call.attribute("strides", [1] * rank)
    dilations = call.attribute("dilations", [1] * rank)
    pads = call.attribute("pads", [0] * (2 * rank))
    mode = call.attribute("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same_pads(call, kernel, strides, dilations, mode == "SAME_UPPER")
    elif mode == "VALID":
        pads = [0] * (2 * rank)
    if min(pads) < 0:
        call.refuse(f"negative pads {pads}; slice the input instead")
    return {"kernel": list(kernel), "strides": strides, "pads": pads, "dilations": dilations}


def _same_pads(call: Call, kernel: list[int], strides: list[int], dilations: list[int], upper: bool) -> list[int]:
    begins, ends = [], []
    for dim, k, s, d in zip(call.shape()[2:], kernel, strides, dilations, strict=True):
        if isinstance(dim, str) and s != 1:
            call.refuse(f"auto_pad with stride {s} needs a fixed size, but dimension {dim!r} is symbolic: pass shapes=")
        out = 1 if isinstance(dim, str) else -(-dim // s)
        span = 1 if isinstance(dim, str) else dim  # with stride 1 the padding does not depend on the size
        total = max((out - 1) * s + d * (k - 1) + 1 - span, 0)
        begins.append(total // 2 if upper else total - total // 2)
        ends.append(total - begins[-1])
    return begins + ends


def weight_tensors(call: Call, index: int, integers_last: Callable[[Array], Array] | None = None) -> dict[str, str]:
    """Roles `weight` and, for int8, `weight_scale`, from constant input `index`.

    Args:
        call: the node.
        index: position of the weight.
        integers_last: puts the matrix into [M, ...] order; its output-channel axis must come first.

    Returns:
        Tensor names by role; float32 where the integers do not fit int8 per output channel.
    """
    constant = call.context.quantised.get(call.inputs[index])
    order = integers_last or (lambda array: array)
    if constant is not None:
        int8 = constant.int8()
        scale = _row_scale(constant, order)
        if int8 is not None and scale is not None:
            weight = add_tensor(call.graph, f"{call.outputs[0]}.weight", order(int8))
            return {"weight": weight, "weight_scale": call.tensor(scale, f"{call.outputs[0]}.weight_scale")}
    return {"weight": call.tensor(order(call.constant(index)), f"{call.outputs[0]}.weight")}


def _row_scale(constant: QuantisedConstant, order: Callable[[Array], Array]) -> Array | None:
    """Scale per output channel [M], or None where it varies along another axis."""
    rank = constant.integers.ndim
    shape = [1] * rank
    if constant.scale.ndim:
        shape[constant.axis] = -1
    spread = order(np.broadcast_to(constant.scale.reshape(shape), constant.integers.shape))
    rows = spread.reshape(spread.shape[0], -1)
    return rows[:, 0] if bool((rows == rows[:, :1]).all()) else None


def bias_tensors(call: Call, index: int, channels: int) -> dict[str, str]:
    """Roles `bias` and, for int32, `bias_scale`, from the optional constant input `index`."""
    if not call.has(index):
        return {}
    constant = call.context.quantised.get(call.inputs[index])
    stem = f"{call.outputs[0]}.bias"
    if constant is not None and not constant.zero_point.any():
        scale = np.broadcast_to(constant.scale, (channels,))
        integers = np.broadcast_to(constant.integers, (channels,)).astype(np.int32)
        return {"bias": add_tensor(call.graph, stem, integers), "bias_scale": call.tensor(scale, f"{stem}_scale")}
    return {"bias": call.tensor(np.broadcast_to(call.constant(index), (channels,)), stem)}


def conv(call: Call) -> str:
    """Conv with constant weights, grouped or not, one or two spatial dimensions."""
    if not call.is_constant(1):
        call.refuse("its weight is not constant")
    shape = [int(d) for d in call.context.shape(call.inputs[1])]
    channels = shape[0]
    attributes = window_attributes(call, call.attribute("kernel_shape", shape[2:]))
    groups = call.attribute("group", 1)
    x = call.shape()
    if len(x) != len(shape) or isinstance(x[1], str) or x[1] != shape[1] * groups:
        call.refuse(f"input {x} does not fit weight {shape} in {groups} groups")
    tensors = weight_tensors(call, 1) | bias_tensors(call, 2, channels)
    return call.emit("conv", [call.value()], {**attributes, "groups": groups, "channels": channels}, tensors)


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {"Conv": conv}
