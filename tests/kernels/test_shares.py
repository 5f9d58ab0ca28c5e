"""Threads carry equal work, whatever the pattern of blocks, and results do not depend on who did what."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import ISAS, Guarded, Window, kernels, options, pack

PATTERNS = ("even", "crowded", "ramp")


def pattern(kind: str, rng: np.random.Generator, outputs: int, inputs: int, dtype: type) -> np.ndarray:
    """A weight whose strips hold much the same, very different, or ever more blocks."""
    strips = outputs // 16
    density = {"even": np.full(strips, 0.1), "crowded": 0.1 * rng.lognormal(0, 0.8, strips)}
    density["ramp"] = np.linspace(0.01, 0.4, strips)
    keep = rng.random((strips, inputs)) < np.minimum(density[kind], 1)[:, None]
    return (rng.integers(-9, 10, (outputs, inputs)) * np.repeat(keep, 16, axis=0)).astype(dtype)


def linear(road: str, x: np.ndarray, weight: np.ndarray, isa: str, parts: int) -> tuple[bytes, float] | None:
    packed, integer = pack(weight), weight.dtype == np.int8
    y = Guarded(len(x) * len(weight), x.dtype.type)
    multiplier = np.full(len(weight), 0.01, np.float32) if integer else None
    arrays = (packed.strips, packed.columns, packed.values, None, multiplier)
    opts = options(isa, 0, 255, parts=parts)
    said = kernels.linear_block16(x, y.array, road, len(x), packed.shape, *arrays, opts)
    return said and (y.check().tobytes(), said["imbalance"])


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(PATTERNS), outputs=st.sampled_from([1024, 1536]), inputs=st.sampled_from([96, 300]),
    road=st.sampled_from(["rows", "planes", "windows"]), rows=st.sampled_from([1, 17, 64]),
    dtype=st.sampled_from([np.int8, np.float32]), parts=st.integers(2, 4), seed=st.integers(0, 999),
)  # fmt: skip
def test_linear(kind, outputs, inputs, road, rows, dtype, parts, seed) -> None:
    rng = np.random.default_rng(seed)
    weight = pattern(kind, rng, outputs, inputs, dtype)
    x = rng.integers(0, 256, (rows, inputs)).astype(np.uint8 if dtype == np.int8 else np.float32)
    for isa in ISAS:
        shared, alone = linear(road, x, weight, isa, parts), linear(road, x, weight, isa, 1)
        assert (shared is None) == (alone is None)
        if shared and alone:
            assert shared[0] == alone[0] and shared[1] <= 0.03, isa


@pytest.mark.parametrize("parts", [2, 3, 4])
@pytest.mark.parametrize("kind", PATTERNS)
@pytest.mark.parametrize("size", [(14, 14), (28, 28)])
def test_conv(size: tuple[int, int], kind: str, parts: int) -> None:
    rng = np.random.default_rng(0)
    window, packed = Window(64, size), pack(pattern(kind, rng, 256, 64, np.int8))
    x = rng.integers(0, 256, (64, *size), np.uint8)
    multiplier = np.full(256, 0.01, np.float32)
    for isa in ISAS:
        results = []
        for shared in (parts, 1):
            y = Guarded(256 * size[0] * size[1], np.uint8)
            arrays = (packed.strips, packed.columns, packed.values, None, multiplier)
            opts = options(isa, 0, 255, parts=shared)
            said = kernels.conv_block16(x, y.array, window.flat(), packed.shape, *arrays, opts)
            assert said["imbalance"] <= 0.03
            results.append(y.check().tobytes())
        assert results[0] == results[1]


def test_one_heavy_strip_leaves_the_others_to_the_rest() -> None:
    weight = np.zeros((320, 512), np.int8)
    weight[:16] = weight[16:, :26] = 1
    x = np.ones((1, 512), np.uint8)
    shared = linear("rows", x, weight, "scalar", 2)
    assert shared is not None and shared[1] <= 0.1  # contiguous strips would leave 45 % to spare
