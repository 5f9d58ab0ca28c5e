"""Sliding windows of any rank and dtype: each window's places are known when the model is compiled, so one gather
lays the windows out as columns, and a product or a reduction does the rest."""

from collections.abc import Callable
from functools import partial

import numpy as np

from apus.artifact import Array, Value
from apus.compile.lower import convolution, pooling
from apus.compile.lower.context import Call
from apus.compile.lower.geometry import Axis, columns_of, pool_axes, window_axes
from apus.compile.lower.transposed import Spread, by_phases, spreads


def columns(call: Call, x: str, places: Array) -> str:
    """The windows of `x` [N, C, spatial…] as [N, C, taps, positions], with 0 in the padding.

    Args:
        call: the node.
        x: a value.
        places: flat index of each tap of each window; the number of places stands for padding.

    Returns:
        A value.
    """
    n, c, *spatial = call.fixed(call.graph.values[x].shape)
    size = int(np.prod(spatial))
    flat = call.reshape(x, [n, c, size])
    if places.size and places.max() == size:  # one more element, for all the padding
        flat = call.emit("pad", [flat], {"pads": [0, 0, 0, 0, 0, 1], "mode": "constant", "value": 0.0})
    return call.reshape(call.gather(flat, places.reshape(-1), 2), [n, c, *places.shape])


def _multiply(call: Call, cols: str, weight: str, groups: int, out: list[int]) -> str:
    """cols [N, C, taps, P], weight [M, C/groups · taps] → [N, M, out…]."""
    n, c, taps, positions = call.fixed(call.graph.values[cols].shape)
    m = call.fixed(call.graph.values[weight].shape)[0]
    parts = call.reshape(cols, [n, groups, c // groups * taps, positions])
    rows = call.reshape(weight, [groups, m // groups, c // groups * taps])
    return call.reshape(call.emit("matmul", [rows, parts]), [n, m, *out])


def convolve(call: Call, x: str, weight: str, bias: str | None) -> str:
    """Convolution of values of any dtype that `matmul` has, padded with 0.

    Args:
        call: a Conv, or a node with its attributes.
        x: [N, C, spatial…].
        weight: [M, C/groups, kernel…].
        bias: [M], or None.

    Returns:
        A value.
    """
    shape = call.fixed(call.graph.values[weight].shape)
    groups = int(call.attribute("group", 1))
    given = call.fixed(call.graph.values[x].shape)
    if len(given) != len(shape) or given[1] != shape[1] * groups or shape[0] % groups:
        call.refuse(f"input {given} does not fit weight {shape} in {groups} groups")
    axes = window_axes(call, given[2:], shape[2:])
    cols = columns(call, x, columns_of(axes, given[2:]))
    y = _multiply(call, cols, call.reshape(weight, [shape[0], -1]), groups, [axis.out for axis in axes])
    return y if bias is None else _with_bias(call, y, bias, len(axes))


def _with_bias(call: Call, y: str, bias: str, rank: int) -> str:
    if bias in call.graph.tensors:
        return call.apply("add", y, call.keep(call.graph.tensors[bias].reshape([-1] + [1] * rank)))
    return call.apply("add", y, call.reshape(bias, [-1] + [1] * rank))


def conv(call: Call) -> str:
    """Conv: of constant float32 weights over one or two dimensions by the engine's own kernels."""
    if call.is_constant(1) and len(call.shape(1)) in (3, 4) and call.dtype() in ("float32", "uint8", "int8"):
        return convolution.conv(call)
    return convolve(call, call.value(0), call.value(1), call.operand(2) if call.has(2) else None)


def conv_transpose(call: Call) -> str:
    """ConvTranspose: by phases; else the input with zeros between its elements, convolved with the turned kernel."""
    direct = by_phases(call)
    if direct is not None:
        return direct
    c, *spatial = call.dims()[1:]
    _, each, *kernel = call.dims(1)
    groups, taps = int(call.attribute("group", 1)), int(np.prod(kernel))
    axes = [_transposed_axis(axis) for axis in spreads(call, spatial, kernel)]
    out = [axis.out for axis in axes]
    turned = call.gather(call.reshape(call.value(1), [groups, c // groups, each, taps]), np.arange(taps)[::-1], 3)
    weight = call.reshape(call.permute(turned, [0, 2, 1, 3]), [groups * each, c // groups * taps])
    y = _multiply(call, columns(call, call.value(), columns_of(axes, spatial)), weight, groups, out)
    return _with_bias(call, y, call.operand(2), len(axes)) if call.has(2) else y


def _transposed_axis(axis: Spread) -> Axis:
    """The windows that a ConvTranspose's turned kernel has over an input with zeros between its elements."""
    grid = np.full((axis.size - 1) * axis.stride + 1, -1)
    grid[:: axis.stride] = np.arange(axis.size)
    begin, end = axis.reach - 1 - axis.pads[0], axis.reach - 1 - axis.pads[1] + axis.extra
    grid = np.pad(grid, (max(begin, 0), max(end, 0)), constant_values=-1)
    grid = grid[max(-begin, 0) : len(grid) - max(-end, 0)]
    return Axis(grid, axis.kernel, 1, axis.dilation, len(grid) - axis.reach + 1)


def max_pool(call: Call) -> list[str]:
    """MaxPool of any rank, with the positions of the largest elements where they are asked for."""
    indices = len(call.outputs) > 1 and call.outputs[1] != ""
    if not indices and len(call.shape()) in (3, 4) and call.dtype() == "float32":
        return [pooling.pool(call, "max_pool")]
    n, c, *spatial = call.dims()
    axes = pool_axes(call, spatial)
    out = [n, c, *(axis.out for axis in axes)]
    places = columns_of(axes, spatial)
    inside = places < np.prod(spatial)
    first = np.take_along_axis(places, inside.argmax(axis=0)[None], axis=0)
    places = np.where(inside, places, first)  # padding never wins: there stands an element of the same window instead
    cols = columns(call, call.value(), places)
    y = call.reshape(call.fold(cols, "max", [2], 0), out)
    return [y, call.reshape(_largest_places(call, cols, places, spatial), out)] if indices else [y]


def _largest_places(call: Call, cols: str, flat: Array, spatial: list[int]) -> str:
    n, c, _, positions = call.fixed(call.graph.values[cols].shape)
    attributes = {"function": "max", "axis": 2, "keepdims": 0, "last": 0}
    best = call.emit("arg", [cols], attributes, like=Value("int64", []))
    if call.attribute("storage_order", 0):
        at = np.unravel_index(flat, spatial)
        flat = np.ravel_multi_index(at[::-1], spatial[::-1])
    scaled = call.apply("mul", best, call.keep(np.asarray(positions)))
    at_tap = call.apply("add", scaled, call.keep(np.arange(positions)))
    place = call.emit("gather", [call.keep(flat.reshape(-1)), at_tap], {"axis": 0}, like=Value("int64", []))
    planes = np.arange(n * c).reshape(n, c, 1) * int(np.prod(spatial))
    return call.apply("add", place, call.keep(planes))


def average_pool(call: Call) -> str:
    """AveragePool of any rank."""
    if len(call.shape()) in (3, 4) and call.dtype() == "float32" and not call.attribute("dilations"):
        return pooling.pool(call, "avg_pool")
    n, c, *spatial = call.dims()
    axes = pool_axes(call, spatial)
    padded = call.attribute("count_include_pad", 0)
    counts = (columns_of(axes, spatial) < np.prod(spatial)).sum(axis=0)
    if padded:
        counts = np.prod([g.reshape(-1) for g in np.meshgrid(*(a.real_taps() for a in axes), indexing="ij")], axis=0)
    total = call.fold(columns(call, call.value(), columns_of(axes, spatial)), "sum", [2], 0)
    mean = call.apply("div", total, call.keep(counts.astype(call.dtype())))
    return call.reshape(mean, [n, c, *(axis.out for axis in axes)])


def lp_pool(call: Call, everywhere: bool = False) -> str:
    """LpPool, GlobalLpPool: (Σ |x|^p)^(1/p) of each window."""
    n, c, *spatial = call.dims()
    p = float(call.attribute("p", 2))
    axes = [Axis(np.arange(s), s, 1, 1, 1) for s in spatial] if everywhere else pool_axes(call, spatial)
    cols = call.apply("abs", columns(call, call.value(), columns_of(axes, spatial)))
    power, root = (call.keep(np.asarray(e, call.dtype())) for e in (p, 1 / p))
    total = call.fold(call.apply("pow", cols, power), "sum", [2], 0)
    return call.reshape(call.apply("pow", total, root), [n, c, *(axis.out for axis in axes)])


def max_unpool(call: Call) -> str:
    """MaxUnpool: zeros, with each element where its index says."""
    shape = call.dims()
    kernel = call.attribute("kernel_shape")
    rank = len(kernel)
    strides, pads = call.attribute("strides", [1] * rank), call.attribute("pads", [0] * (2 * rank))
    spatial = [(n - 1) * strides[i] - pads[i] - pads[i + rank] + kernel[i] for i, n in enumerate(shape[2:])]
    filled = [*shape[:2], *spatial]
    out = [int(d) for d in call.constant(2)] if call.has(2) else filled
    beyond = [wanted - d for wanted, d in zip(out, filled, strict=True)]
    if min(beyond) < 0:
        call.refuse(f"output_shape {out} is smaller than {filled}, in which its indices count")
    zeros = call.keep(np.zeros(int(np.prod(filled)), call.dtype()))
    flat = [call.reshape(call.value(i), [-1]) for i in (1, 0)]
    y = call.reshape(call.emit("scatter_elements", [zeros, *flat], {"axis": 0, "function": "none"}), filled)
    return call.emit("pad", [y], {"pads": [0] * len(out) + beyond, "mode": "constant"}) if any(beyond) else y


def col2im(call: Call) -> str:
    """Col2Im: columns added up where their windows overlap."""
    image, block = ([int(d) for d in call.constant(i)] for i in (1, 2))
    n, rows, _ = call.dims()
    taps = int(np.prod(block))
    c = rows // taps
    axes = window_axes(call, image, block)
    places = columns_of(axes, image).reshape(-1)
    size = int(np.prod(image))
    where = np.broadcast_to(places, (n, c, places.size))
    zeros = call.keep(np.zeros((n, c, size + 1), call.dtype()))
    update = call.reshape(call.value(), [n, c, places.size])
    filled = call.emit("scatter_elements", [zeros, call.keep(where), update], {"axis": 2, "function": "add"})
    cut = {"axes": [2], "starts": [0], "ends": [size], "steps": [1]}
    return call.reshape(call.emit("slice", [filled], cut), [n, c, *image])


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "LpPool": lp_pool,
    "GlobalLpPool": partial(lp_pool, everywhere=True),
    "MaxUnpool": max_unpool,
    "Col2Im": col2im,
}
