"""Resize and its forerunner Upsample: each axis by itself, by places for `nearest`, by a matrix otherwise."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from apus.artifact import Array
from apus.compile.lower.context import Call


class Scaling(NamedTuple):
    """One axis: sizes before and after, places per place, and the region of tf_crop_and_resize."""

    size: int
    out: int
    scale: float
    roi: tuple[float, float]


def coordinates(s: Scaling, mode: str, dtype: type[np.floating] = np.float64) -> Array:
    """Where in the input each place of the output lies, by `coordinate_transformation_mode` [out]."""
    x = np.arange(s.out, dtype=dtype)
    if mode == "asymmetric":
        return x / s.scale
    if mode == "align_corners":
        one = s.scale * s.size == 1
        return np.zeros(s.out) if one else np.asarray(x * (s.size - 1) / (s.scale * s.size - 1))
    if mode == "pytorch_half_pixel":
        return (x + 0.5) / s.scale - 0.5 if s.scale * s.size > 1 else np.full(s.out, -0.5)
    if mode == "half_pixel_symmetric":
        adjust = s.out / (s.scale * s.size)
        return np.asarray(s.size / 2 * (1 - adjust) + (x + 0.5) / s.scale - 0.5)
    if mode == "tf_crop_and_resize":
        begin, end = s.roi
        if s.out == 1:
            return np.asarray([(begin + end) * (s.size - 1) / 2])
        return np.asarray(begin * (s.size - 1) + x * (end - begin) * (s.size - 1) / (s.out - 1))
    return (x + 0.5) / s.scale - 0.5


def nearest(at: Array, size: int, mode: str) -> Array:
    """The nearest place to each coordinate, by `nearest_mode`."""
    down = np.ceil(at - 0.5)
    places = {"round_prefer_floor": down, "round_prefer_ceil": np.floor(at + 0.5), "floor": np.floor(at)}
    return np.asarray(np.clip(places.get(mode, np.ceil(at)), 0, size - 1).astype(np.int64))


def _linear(distance: Array) -> Array:
    return np.asarray(np.maximum(1 - np.abs(distance), 0))


def _cubic(a: float) -> Callable[[Array], Array]:
    def weight(distance: Array) -> Array:
        d = np.abs(distance)
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return np.where(d <= 1, near, np.where(d < 2, far, 0.0))

    return weight


class Kernel(NamedTuple):
    """An interpolating function, its reach in places, and how to treat what lies outside."""

    weight: Callable[[Array], Array]
    reach: int
    antialias: bool
    exclude_outside: bool


def matrix(at: Array, s: Scaling, kernel: Kernel) -> Array:
    """The interpolation as a matrix [out, size]; places outside repeat the edge, or are left out."""
    shrink = min(s.scale, 1.0) if kernel.antialias else 1.0
    reach = int(np.ceil(kernel.reach / shrink))
    result = np.zeros((s.out, s.size))
    base = np.floor(at).astype(np.int64)
    for offset in range(-reach, reach + 1):
        place = base + offset
        weight = kernel.weight((at - place) * shrink)
        outside = (place < 0) | (place >= s.size)
        weight = np.where(outside & kernel.exclude_outside, 0, weight)
        np.add.at(result, (np.arange(s.out), np.clip(place, 0, s.size - 1)), weight)
    if kernel.exclude_outside or kernel.antialias:
        result /= result.sum(axis=1, keepdims=True)
    return result.astype(np.float32)


def _interpolate(call: Call, x: str, axis: int, weights: Array) -> str:
    rank = len(call.graph.values[x].shape)
    order = [i for i in range(rank) if i != axis] + [axis]
    tensors = {"weight": call.tensor(weights, f"{call.outputs[0]}.axis{axis}")}
    y = call.emit("linear", [call.permute(x, order)], {"channels": len(weights)}, tensors)
    return call.permute(y, [order.index(i) for i in range(rank)])


def _scalings(call: Call) -> tuple[list[int], list[Scaling]]:
    """Axes and their scaling, from the node's scales or sizes."""
    shape = call.dims()
    upsample = call.node.op_type == "Upsample" or call.context.opset < 11
    axes = [int(a) % len(shape) for a in call.attribute("axes", range(len(shape)))]
    roi = [0.0] * len(axes) + [1.0] * len(axes)
    if not upsample and call.has(1) and call.attribute("coordinate_transformation_mode") == "tf_crop_and_resize":
        roi = call.constant(1).tolist()
    ends = [(roi[i], roi[i + len(axes)]) for i in range(len(axes))]
    dims = [shape[axis] for axis in axes]
    index = 1 if upsample else 2
    if (call.has(index) and np.size(call.constant(index))) or call.attribute("scales"):
        scales = [float(v) for v in call.setting("scales", index)]
        outs = [int(np.floor(n * s)) for n, s in zip(dims, scales, strict=True)]
    else:
        outs, scales = _sizes(call, dims, [int(v) for v in call.constant(3)])
    return axes, [Scaling(*each) for each in zip(dims, outs, scales, ends, strict=True)]


def _sizes(call: Call, dims: list[int], sizes: list[int]) -> tuple[list[int], list[float]]:
    policy = call.attribute("keep_aspect_ratio_policy", "stretch")
    scales = [out / n for out, n in zip(sizes, dims, strict=True)]
    if policy == "stretch":
        return sizes, scales
    scale = min(scales) if policy == "not_larger" else max(scales)
    return [int(np.floor(scale * n + 0.5)) for n in dims], [scale] * len(dims)


def resize(call: Call) -> str:
    """Resize, Upsample."""
    x = call.value()
    kind = call.attribute("mode", "nearest")
    upsample = call.node.op_type == "Upsample" or call.context.opset < 11
    where = "asymmetric" if upsample else call.attribute("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if upsample else call.attribute("nearest_mode", "round_prefer_floor")
    cubic = _cubic(float(call.attribute("cubic_coeff_a", -0.75)))
    kernel = Kernel(
        cubic if kind == "cubic" else _linear,
        2 if kind == "cubic" else 1,
        bool(call.attribute("antialias", 0)),
        bool(call.attribute("exclude_outside", 0)),
    )
    outside = False
    exact = np.float32 if kind == "nearest" else np.float64  # ONNX Runtime and torch choose a neighbour in float32
    for axis, s in zip(*_scalings(call), strict=True):
        at = coordinates(s, where, exact)
        outside = outside or (where == "tf_crop_and_resize" and bool(((at < 0) | (at > s.size - 1)).any()))
        if s.size == s.out and bool((at == np.arange(s.size)).all()):
            continue
        if kind == "nearest":
            x = call.gather(x, nearest(at, s.size, rounding), axis)
        else:
            x = _interpolate(call, x, axis, matrix(at, s, kernel))
    return _extrapolate(call, x, where) if outside else x


def _extrapolate(call: Call, x: str, where: str) -> str:
    """tf_crop_and_resize: what lies outside the input gets `extrapolation_value`."""
    shape = call.fixed(call.graph.values[x].shape)
    inside = np.ones([1] * len(shape), bool)
    for axis, s in zip(*_scalings(call), strict=True):
        at = coordinates(s, where)
        inside = inside & ((at >= 0) & (at <= s.size - 1)).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    value = call.keep(np.asarray(call.attribute("extrapolation_value", 0.0), call.dtype()))
    return call.apply("where", call.keep(np.broadcast_to(inside, shape)), x, value)


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {"Resize": resize, "Upsample": resize}
