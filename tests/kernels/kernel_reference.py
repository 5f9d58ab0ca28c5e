"""What the kernels must compute, in NumPy, and how to call them. Weights are packed as in the artifact (SPEC.md §3)."""

from dataclasses import dataclass

import numpy as np

from apus._native import isas, kernels
from apus.artifact import from_bfloat16, to_bfloat16

STRIP = 16
GUARD = 96  # bytes before and after an output that must keep their value
ISAS = isas()


@dataclass(frozen=True)
class Packed:
    """One weight in block16x1: `strips`, `columns`, `values`, and the shape (outputs, inputs, groups)."""

    strips: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    shape: list[int]


def pack(weight: np.ndarray, groups: int = 1) -> Packed:
    """Packs weight [M, K] (rows of all groups, K inputs of one group), dropping blocks that are all zero."""
    width = {"float32": 1, "uint16": 2, "int8": 4}[weight.dtype.name]
    starts, columns, values = [0], [], []
    for rows in np.split(weight, groups):
        for first in range(0, len(rows), STRIP):
            strip = np.zeros((STRIP, weight.shape[1]), weight.dtype)
            strip[: len(rows[first : first + STRIP])] = rows[first : first + STRIP]
            kept = np.flatnonzero(strip.any(axis=0))
            padding = -len(kept) % width
            blocks = np.concatenate([strip[:, kept], np.zeros((STRIP, padding), weight.dtype)], axis=1)
            columns.append(np.concatenate([kept, np.full(padding, kept[-1] if len(kept) else 0)]).reshape(-1, width))
            values.append(blocks.reshape(STRIP, -1, width).transpose(1, 0, 2))
            starts.append(starts[-1] + len(columns[-1]))
    kind = np.uint16 if weight.shape[1] <= 65536 else np.uint32
    return Packed(
        np.array(starts, np.uint32),
        np.concatenate(columns).astype(kind),
        np.ascontiguousarray(np.concatenate(values)),
        [*weight.shape, groups],
    )


def pack_runs(weight: np.ndarray, groups: int = 1) -> Packed:
    """The same by blocks of 16x4: weight is int8, K a multiple of 4."""
    starts, columns, values = [0], [], []
    for rows in np.split(weight, groups):
        for first in range(0, len(rows), STRIP):
            strip = np.zeros((STRIP, weight.shape[1]), np.int8)
            strip[: len(rows[first : first + STRIP])] = rows[first : first + STRIP]
            kept = [c for c in range(0, weight.shape[1], 4) if strip[:, c : c + 4].any()]
            columns += kept
            values += [strip[:, c : c + 4] for c in kept]
            starts.append(len(columns))
    shape = [*weight.shape, groups]
    blocks = np.array(values, np.int8).reshape(-1, STRIP, 4)
    return Packed(np.array(starts, np.uint32), np.array(columns, np.uint16), blocks, shape)


def in_few_bits(packed: Packed, bits: int) -> Packed:
    """Its values in 4 or 2 bits: weight i of a group in byte i modulo their number, the first in the lowest bits."""
    count = 8 * bits
    flat = packed.values.reshape(-1, 64).astype(int) % 2**bits
    values = np.zeros((len(flat), count), int)
    for i in range(64):
        values[:, i % count] += flat[:, i] << (bits * (i // count))
    return Packed(packed.strips, packed.columns, values.astype(np.uint8), packed.shape)


def sparse(rng: np.random.Generator, shape: tuple[int, int], dtype: type, density: float | str) -> np.ndarray:
    """A random weight with about `density` of its 16x1 blocks; "one" leaves a single block."""
    extremes = rng.choice(np.array([-128, -127, 127]), shape)
    weight = (
        rng.standard_normal(shape)
        if dtype == np.float32
        else np.where(rng.random(shape) < 0.3, extremes, rng.integers(-128, 128, shape))
    )
    strips = -(-shape[0] // STRIP)
    keep = np.zeros((strips, shape[1]), bool)
    if density == "one":
        keep[rng.integers(strips), rng.integers(shape[1])] = True
    else:
        keep = rng.random(keep.shape) < density
    return (weight * np.repeat(keep, STRIP, axis=0)[: shape[0]]).astype(dtype)


def float_weights(weight: np.ndarray, groups: int = 1) -> list[tuple[Packed, np.ndarray]]:
    """What may be stored of a float32 weight, in float32 and in bfloat16, and the numbers that each stands for."""
    halves = to_bfloat16(weight)
    return [(pack(weight, groups), weight), (pack(halves, groups), from_bfloat16(halves))]


def float_bound(kernel: str, inputs: int) -> float:
    """What a sum may be off by, as a share of sum |w||x| + |bias|; the ISAs bf16 and amx round x to bfloat16."""
    return (inputs + 2) * 2.0**-23 + (2.0**-8 if kernel.endswith(("_bf16", "_amx")) else 0)


@dataclass(frozen=True)
class Window:
    """A convolution's geometry: one image [C, H, W]."""

    channels: int
    size: tuple[int, int]
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def out(self) -> tuple[int, int]:
        reach = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        total = [self.pads[0] + self.pads[2], self.pads[1] + self.pads[3]]
        h, w = ((n + p - r) // s + 1 for n, p, r, s in zip(self.size, total, reach, self.strides, strict=True))
        return h, w

    def flat(self) -> list[int]:
        return [self.channels, *self.size, *self.out, *self.kernel, *self.strides, *self.dilations, *self.pads]

    def columns(self, x: np.ndarray, fill: int) -> np.ndarray:
        """The matrix [C, KH * KW, Ho * Wo] of what each tap reads."""
        top, left, bottom, right = self.pads
        padded = np.pad(x, ((0, 0), (top, bottom), (left, right)), constant_values=fill)
        (ho, wo), (sh, sw), (dh, dw) = self.out, self.strides, self.dilations
        taps = [
            padded[:, kh * dh : kh * dh + (ho - 1) * sh + 1 : sh, kw * dw : kw * dw + (wo - 1) * sw + 1 : sw]
            for kh in range(self.kernel[0])
            for kw in range(self.kernel[1])
        ]
        return np.stack(taps, axis=1).reshape(x.shape[0], len(taps), ho * wo)


@dataclass(frozen=True)
class Quantised:
    """How an int8 node ends (SPEC.md §4): real arithmetic is float32, rounding half to even."""

    multiplier: np.ndarray
    bias: np.ndarray
    x_zero: int = 0
    y_zero: int = 0
    low: float = 0
    high: float = 255
    dtype: type = np.uint8

    def finish(self, sums: np.ndarray) -> np.ndarray:
        """From exact sums [M, P] of w * (x - zero) to y."""
        acc = sums + self.bias[:, None].astype(np.int64)
        v = acc.astype(np.int32).astype(np.float32) * self.multiplier[:, None]
        if self.dtype == np.float32:
            return np.clip(v, np.float32(self.low), np.float32(self.high))
        return np.clip(np.rint(v.astype(np.float64)) + self.y_zero, self.low, self.high).astype(np.uint8)


class Guarded:
    """An output of `count` elements with known bytes around it."""

    def __init__(self, count: int, dtype: type) -> None:
        self.bytes = np.full(count * np.dtype(dtype).itemsize + 2 * GUARD, 0xA5, np.uint8)
        self.array = self.bytes[GUARD : len(self.bytes) - GUARD].view(dtype)

    def check(self) -> np.ndarray:
        assert (self.bytes[:GUARD] == 0xA5).all(), "wrote before the output"
        assert (self.bytes[-GUARD:] == 0xA5).all(), "wrote past the output"
        return self.array.copy()


def options(isa: str, low: float = -np.inf, high: float = np.inf, **rest: int) -> "kernels.Options":
    return kernels.Options(isa=isa, low=float(low), high=float(high), **rest)


def quantised_options(isa: str, q: Quantised, parts: int) -> "kernels.Options":
    return options(isa, q.low, q.high, x_zero_point=q.x_zero, y_zero_point=q.y_zero, parts=parts)
