"""Where the taps of sliding windows lie."""

from dataclasses import dataclass

import numpy as np

from apus.artifact import Array
from apus.compile.lower.context import Call


@dataclass(frozen=True)
class Axis:
    """One dimension under a window.

    Attributes:
        grid: per padded place the index into the input, or −1 for padding.
        kernel: taps.
        stride: places between windows.
        dilation: places between taps.
        out: windows; the last may reach beyond the grid.
    """

    grid: Array
    kernel: int
    stride: int
    dilation: int
    out: int

    def taps(self) -> Array:
        """Index into the input, or −1, of each tap of each window [kernel, out]."""
        at = np.arange(self.out) * self.stride + np.arange(self.kernel)[:, None] * self.dilation
        grid = np.append(self.grid, np.full(max(int(at.max(initial=0)) + 1 - len(self.grid), 0), -1))
        return np.asarray(grid[at])

    def real_taps(self) -> Array:
        """How many taps of each window lie on the grid."""
        at = np.arange(self.out) * self.stride + np.arange(self.kernel)[:, None] * self.dilation
        return np.asarray((at < len(self.grid)).sum(axis=0))


def columns_of(axes: list[Axis], spatial: list[int]) -> Array:
    """Flat index into the input of each tap of each window [taps, positions]; the input's size stands for padding."""
    size, rank = int(np.prod(spatial)), len(axes)
    flat: Array = np.zeros([1] * (2 * rank), np.int64)
    valid: Array = np.ones([1] * (2 * rank), bool)
    for i, (axis, length) in enumerate(zip(axes, spatial, strict=True)):
        shape = [1] * (2 * rank)
        shape[i], shape[i + rank] = axis.kernel, axis.out
        taps = axis.taps().reshape(shape)
        flat, valid = flat * length + taps, valid & (taps >= 0)
    taps_count = int(np.prod([axis.kernel for axis in axes]))
    return np.where(valid, flat, size).reshape(taps_count, -1)


def window_axes(call: Call, spatial: list[int], kernel: list[int], ceil: bool = False) -> list[Axis]:
    """Axes of a Conv or pooling node, `auto_pad` and `ceil_mode` resolved."""
    rank = len(kernel)
    strides, dilations = (call.attribute(name, [1] * rank) for name in ("strides", "dilations"))
    pads = call.attribute("pads", [0] * (2 * rank))
    mode = call.attribute("auto_pad", "NOTSET")
    axes = []
    for i, (size, k, s, d) in enumerate(zip(spatial, kernel, strides, dilations, strict=True)):
        begin, end = (0, 0) if mode == "VALID" else (pads[i], pads[i + rank])
        if mode.startswith("SAME"):
            total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
            begin = total // 2 if mode == "SAME_UPPER" else total - total // 2
            end = total - begin
        if begin < 0 or end < 0:
            call.refuse(f"negative pads {pads}; slice the input instead")
        slack = size + begin + end - d * (k - 1) - 1
        if slack < 0:
            call.refuse(f"a window of {d * (k - 1) + 1} does not fit in {size + begin + end}")
        out = (-(-slack // s) if ceil else slack // s) + 1
        if ceil and (out - 1) * s >= size + begin:  # no window starts in the padding at the end
            out -= 1
        axes.append(Axis(np.pad(np.arange(size), (begin, end), constant_values=-1), k, s, d, out))
    return axes


def pool_axes(call: Call, spatial: list[int]) -> list[Axis]:
    """Axes of a pooling node."""
    return window_axes(call, spatial, call.attribute("kernel_shape"), bool(call.attribute("ceil_mode", 0)))
