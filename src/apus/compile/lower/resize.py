"""Resize and its forerunner Upsample: each axis by itself, by places for `nearest`, by a matrix otherwise.

Which place is nearest is decided in exact fractions, by the standard's formulas and the scale that was meant: 17 / 10,
which float32 cannot hold. ONNX Runtime and torch decide in float32; where that differs, and where the length of the
result hangs on rounding, there is no right answer, and the node is refused.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from apus.artifact import Array
from apus.compile.lower.context import Call


class Scaling(NamedTuple):
    """One axis: sizes before and after, places per place, and the region of tf_crop_and_resize."""

    size: int
    out: int
    scale: Fraction
    roi: tuple[float, float]


Number = type[Fraction] | type[np.float32] | type[np.float64]


def coordinates(s: Scaling, mode: str, number: Number = np.float64) -> Array:
    """Where in the input each place of the output lies, by `coordinate_transformation_mode` [out], as `number`s."""
    return np.asarray(_coordinates(s, mode, number))


def _coordinates(s: Scaling, mode: str, number: Number) -> Any:
    x: Array = np.asarray([number(i) for i in range(s.out)])
    scale: Any = number(s.scale)
    half: Any = number(0.5)
    if mode == "asymmetric":
        return x / scale
    if mode == "align_corners":
        one = s.scale * s.size == 1
        return x * 0 if one else x * (s.size - 1) / (scale * s.size - 1)
    if mode == "pytorch_half_pixel":
        return (x + half) / scale - half if s.scale * s.size > 1 else x * 0 - half
    if mode == "half_pixel_symmetric":
        adjust = s.out / (scale * s.size)
        return half * s.size * (1 - adjust) + (x + half) / scale - half
    if mode == "tf_crop_and_resize":
        begin: Any = number(s.roi[0])
        end: Any = number(s.roi[1])
        if s.out == 1:
            return [(begin + end) * (s.size - 1) * half]
        return begin * (s.size - 1) + x * (end - begin) * (s.size - 1) / (s.out - 1)
    return (x + half) / scale - half


def nearest(at: Array, size: int, mode: str) -> Array:
    """The nearest place to each coordinate, by `nearest_mode`."""
    rounded = {
        "round_prefer_floor": lambda: np.ceil((2 * at - 1) / 2),
        "round_prefer_ceil": lambda: np.floor((2 * at + 1) / 2),
        "floor": lambda: np.floor(at),
        "ceil": lambda: np.ceil(at),
    }[mode]()
    return np.asarray(np.clip(rounded, 0, size - 1).astype(np.int64))


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
    shrink = min(float(s.scale), 1.0) if kernel.antialias else 1.0
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
    shape = call.shape()
    upsample = call.node.op_type == "Upsample" or call.context.opset < 11
    axes = [int(a) % len(shape) for a in call.attribute("axes", range(len(shape)))]
    roi = [0.0] * len(axes) + [1.0] * len(axes)
    if not upsample and call.has(1) and call.attribute("coordinate_transformation_mode") == "tf_crop_and_resize":
        roi = call.constant(1).tolist()
    ends = [(roi[i], roi[i + len(axes)]) for i in range(len(axes))]
    index = 1 if upsample else 2
    if (call.has(index) and np.size(call.constant(index))) or call.attribute("scales"):
        given = [float(v) for v in call.setting("scales", index)]
        changed = [i for i, scale in enumerate(given) if scale != 1 or not isinstance(shape[axes[i]], str)]
        axes, given, ends = [axes[i] for i in changed], [given[i] for i in changed], [ends[i] for i in changed]
        dims = call.fixed([shape[axis] for axis in axes])
        outs = [_size(call, n, s) for n, s in zip(dims, given, strict=True)]
        scales = [_meant(s) for s in given]
    else:
        dims = call.fixed([shape[axis] for axis in axes])
        outs, scales = _sizes(call, dims, [int(v) for v in call.constant(3)])
    return axes, [Scaling(*each) for each in zip(dims, outs, scales, ends, strict=True)]


def _meant(scale: float) -> Fraction:
    """The simple fraction that float32 rounds to `scale`, if there is one."""
    simple = Fraction(scale).limit_denominator(4096)
    return simple if np.float32(simple) == np.float32(scale) else Fraction(scale)


def _size(call: Call, n: int, scale: float) -> int:
    out, meant = int(n * Fraction(scale)), int(n * _meant(scale))  # the standard's, and others'
    if out != meant:
        call.refuse(f"scale {scale:.7g} makes {out} or {meant} places of {n}, by rounding: give sizes instead")
    return out


def _sizes(call: Call, dims: list[int], sizes: list[int]) -> tuple[list[int], list[Fraction]]:
    policy = call.attribute("keep_aspect_ratio_policy", "stretch")
    if any(out and not n for out, n in zip(sizes, dims, strict=True)):
        call.refuse(f"sizes {sizes} of {dims}: nothing cannot become something")
    scales = [Fraction(out, n) if n else Fraction(1) for out, n in zip(sizes, dims, strict=True)]
    if policy == "stretch":
        return sizes, scales
    scale = min(scales) if policy == "not_larger" else max(scales)
    return [int(scale * n + Fraction(1, 2)) for n in dims], [scale] * len(dims)


def _nearest(call: Call, s: Scaling, where: str, rounding: str) -> Array:
    """The place in the input that each place of the output takes."""
    places = nearest(coordinates(s, where, Fraction), s.size, rounding)
    by_sizes = s.scale * s.size == s.out
    if not by_sizes and not np.array_equal(places, nearest(coordinates(s, where, np.float32), s.size, rounding)):
        call.refuse(
            f"scale {float(s.scale):.7g} puts a place of {s.size} on the border between two neighbours, so that "
            "rounding decides: give sizes instead"
        )
    return places


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
    for axis, s in zip(*_scalings(call), strict=True):
        at = coordinates(s, where)
        outside = outside or (where == "tf_crop_and_resize" and bool(((at < 0) | (at > s.size - 1)).any()))
        if s.size == s.out and bool((at == np.arange(s.size)).all()):
            continue
        if kind == "nearest":
            x = call.gather(x, _nearest(call, s, where, rounding), axis)
        elif s.out == 0:
            x = call.gather(x, np.zeros(0, np.int64), axis)
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
