"""ConvTranspose: with constant weights as one convolution that computes every phase of the stride, else by columns.

Phase r of an axis is the places q·s + r of the result, y[q·s + r] = Σ_j x[q - j] w[j·s + r]: a convolution with every
s-th tap. All phases are output channels of one convolution, which are then interleaved; no zero is multiplied.
"""

from typing import Any, NamedTuple

import numpy as np

from apus.artifact import Array
from apus.compile.lower.context import Call


class Phases(NamedTuple):
    """One axis: stride, taps per phase, padding of the convolution, its length, and what is cut out of the result."""

    stride: int
    taps: int
    pads: tuple[int, int]
    length: int
    start: int
    out: int


class Spread(NamedTuple):
    """One axis of a ConvTranspose: sizes of input and kernel, and its attributes."""

    size: int
    kernel: int
    stride: int
    dilation: int
    extra: int
    pads: tuple[int, int]

    @property
    def reach(self) -> int:
        """Places of the result that one place of the input writes."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def out(self) -> int:
        """Places of the result."""
        return (self.size - 1) * self.stride + self.reach + self.extra - sum(self.pads)


def spreads(call: Call, spatial: list[int], kernel: list[int]) -> list[Spread]:
    """The axes of a ConvTranspose, `output_shape` and `auto_pad` resolved.

    Args:
        call: the node.
        spatial: sizes of its input.
        kernel: sizes of its kernel.

    Returns:
        One per axis.
    """
    rank = len(spatial)
    strides, dilations = (call.attribute(name, [1] * rank) for name in ("strides", "dilations"))
    extra, pads = call.attribute("output_padding", [0] * rank), call.attribute("pads", [0] * (2 * rank))
    mode, wanted = call.attribute("auto_pad", "NOTSET"), call.attribute("output_shape")
    if wanted is None and mode.startswith("SAME"):
        wanted = [n * s for n, s in zip(spatial, strides, strict=True)]
    axes = []
    for i, n in enumerate(spatial):
        axis = Spread(n, kernel[i], strides[i], dilations[i], extra[i], (0, 0))
        around = (pads[i], pads[i + rank])
        if wanted is not None:
            total = axis.out - wanted[-rank:][i]
            small, large = total // 2, total - total // 2
            around = (small, large) if mode == "SAME_UPPER" else (large, small)
        axes.append(axis._replace(pads=around))
    return axes


def phases(axis: Spread) -> Phases:
    """How one axis becomes a convolution over the input.

    >>> phases(Spread(size=4, kernel=4, stride=2, dilation=1, extra=0, pads=(1, 1)))
    Phases(stride=2, taps=2, pads=(1, 1), length=5, start=1, out=8)
    """
    taps = -(-(axis.reach + axis.extra) // axis.stride)
    first, last = axis.pads[0] // axis.stride, (axis.pads[0] + axis.out - 1) // axis.stride
    left, right = max(taps - 1 - first, 0), max(last - axis.size + 1, 0)
    first = taps - 1 - left
    length = axis.size + left + right - taps + 1
    return Phases(axis.stride, taps, (left, right), length, axis.pads[0] - first * axis.stride, axis.out)


def by_phases(call: Call) -> str | None:
    """ConvTranspose as a convolution, if its weights and sizes allow that; None otherwise."""
    constant = call.is_constant(1) and (not call.has(2) or call.is_constant(2))
    if not constant or len(call.shape(1)) not in (3, 4) or call.dtype() != "float32":
        return None
    spatial = call.fixed(call.shape()[2:])
    axes = spreads(call, spatial, call.dims(1)[2:])
    if any(axis.out < 1 or min(axis.pads) < 0 for axis in axes):
        return None
    plans = [phases(axis) for axis in axes]
    groups, count = int(call.attribute("group", 1)), int(np.prod([plan.stride for plan in plans]))
    weight = _weight(call.constant(1), groups, axes, plans)
    tensors = {"weight": call.tensor(weight)}
    if call.has(2):
        tensors["bias"] = call.tensor(np.repeat(call.constant(2).reshape(groups, 1, -1), count, 1).reshape(-1))
    ones = [1] * len(plans)
    window = {"kernel": [p.taps for p in plans], "strides": ones, "dilations": ones}
    pads = [p.pads[0] for p in plans] + [p.pads[1] for p in plans]
    attributes = {**window, "pads": pads, "groups": groups, "channels": len(weight)}
    y = call.emit("conv", [call.value()], attributes, tensors)
    return _interleaved(call, y, [groups, len(weight) // count // groups], plans)


def _weight(given: Array, groups: int, axes: list[Spread], plans: list[Phases]) -> Array:
    """[C, M/groups, kernel…] as [phases · M, C/groups, taps…], turned, with zeros where a phase has fewer taps.

    The phases of a group come one after the other, so that neighbouring outputs, and their blocks, stay neighbours.
    """
    rank = len(axes)
    whole = np.zeros([*given.shape[:2], *(p.taps * p.stride for p in plans)], np.float32)
    places: tuple[Any, ...] = (..., *(slice(0, axis.reach, axis.dilation) for axis in axes))
    whole[places] = given
    split = whole.reshape([groups, -1, given.shape[1], *(n for p in plans for n in (p.taps, p.stride))])
    split = np.flip(split, tuple(3 + 2 * i for i in range(rank)))
    order = [0, *(4 + 2 * i for i in range(rank)), 2, 1, *(3 + 2 * i for i in range(rank))]
    return np.ascontiguousarray(split.transpose(order)).reshape([-1, len(given) // groups, *(p.taps for p in plans)])


def _interleaved(call: Call, y: str, channels: list[int], plans: list[Phases]) -> str:
    """[N, groups · phases · M/groups, length…] as [N, M, out…]; `channels` is [groups, M/groups]."""
    rank, strides = len(plans), [p.stride for p in plans]
    if max(strides) > 1:
        batch = call.graph.values[y].shape[0]
        n = -1 if isinstance(batch, str) else int(batch)
        apart = call.reshape(y, [n, channels[0], *strides, channels[1], *(p.length for p in plans)])
        order = [0, 1, 2 + rank, *(place for i in range(rank) for place in (3 + rank + i, 2 + i))]
        lengths = [p.length * p.stride for p in plans]
        y = call.reshape(call.permute(apart, order), [n, channels[0] * channels[1], *lengths])
    cut = [i for i, p in enumerate(plans) if p.start or p.out != p.length * p.stride]
    if not cut:
        return y
    ends = {"starts": [plans[i].start for i in cut], "ends": [plans[i].start + plans[i].out for i in cut]}
    return call.emit("slice", [y], {"axes": [2 + i for i in cut], **ends, "steps": [1] * len(cut)})
