"""Weights of 4 and 2 bits, and 16x4 blocks: the very bytes of int8 16x1, by every road on every ISA."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import ISAS, Guarded, Packed, Window, in_few_bits, kernels, options, pack, pack_runs

LIMITS = {2: (-2, 2), 4: (-8, 8), 8: (-128, 128)}


def weights(rng: np.random.Generator, shape: tuple[int, int], bits: int, density: float, width: int) -> np.ndarray:
    """[M, K] of `bits`, zero but for a share of its blocks of 16 x `width`; extremes are common."""
    low, high = LIMITS[bits]
    strips, runs = -(-shape[0] // 16), -(-shape[1] // width)
    keep = np.repeat(np.repeat(rng.random((strips, runs)) < density, 16, axis=0), width, axis=1)
    values = np.where(rng.random(shape) < 0.3, rng.choice([low, high - 1], shape), rng.integers(low, high, shape))
    return (values * keep[: shape[0], : shape[1]]).astype(np.int8)


def stored(weight: np.ndarray, bits: int, runs: bool, groups: int = 1) -> Packed:
    packed = (pack_runs if runs else pack)(weight, groups)
    return packed if bits == 8 else in_few_bits(packed, bits)


def ends(rng: np.random.Generator, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.integers(-99, 99, outputs).astype(np.int32), rng.uniform(1e-4, 0.02, outputs).astype(np.float32)


def linear(isa: str, road: str, x: np.ndarray, packed: Packed, rng_seed: int, dtype: type, parts: int):
    bias, multiplier = ends(np.random.default_rng(rng_seed), packed.shape[0])
    y = Guarded(len(x) * packed.shape[0], dtype)
    opts = options(isa, 0, 255, x_zero_point=5, y_zero_point=99 if dtype == np.uint8 else 0, parts=parts)
    arrays = (packed.strips, packed.columns, packed.values)
    said = kernels.linear_block16(x, y.array, road, len(x), packed.shape, *arrays, bias, multiplier, opts)
    return None if said is None else y.check().tobytes()


def conv(isa: str, window: Window, x: np.ndarray, packed: Packed, seed: int, parts: int) -> bytes:
    bias, multiplier = ends(np.random.default_rng(seed), packed.shape[0])
    y = Guarded(packed.shape[0] * int(np.prod(window.out)), np.uint8)
    opts = options(isa, 3, 250, x_zero_point=5, y_zero_point=99, parts=parts)
    arrays = (packed.strips, packed.columns, packed.values)
    kernels.conv_block16(x, y.array, window.flat(), packed.shape, *arrays, bias, multiplier, opts)
    return y.check().tobytes()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.sampled_from([1, 2, 15, 16, 17, 33]), quads=st.integers(1, 40), outputs=st.integers(1, 70),
    bits=st.sampled_from([2, 4, 8]), runs=st.booleans(), density=st.sampled_from([0.0, 0.05, 0.4, 1.0]),
    parts=st.sampled_from([1, 3]), dtype=st.sampled_from([np.uint8, np.float32]), seed=st.integers(0, 99),
)  # fmt: skip
def test_linear(rows, quads, outputs, bits, runs, density, parts, dtype, seed) -> None:
    rng = np.random.default_rng(seed)
    inputs = 4 * quads - (0 if runs else int(rng.integers(4)))
    weight = weights(rng, (outputs, inputs), bits, density, 4 if runs else 1)
    x = rng.integers(0, 256, (rows, inputs), np.uint8)
    want = linear("scalar", "rows", x, pack(weight), seed, dtype, 1)
    for isa in ISAS:
        for road in ("rows", "planes", "windows"):
            got = linear(isa, road, x, stored(weight, bits, runs), seed, dtype, parts)
            assert got in (None, want), (isa, road)
            assert got is not None or road == "windows"


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 20)), taps=st.sampled_from([1, 3]), groups=st.integers(1, 2),
    channels=st.sampled_from([4, 8, 12]), outputs=st.integers(1, 35), bits=st.sampled_from([2, 4, 8]),
    runs=st.booleans(), density=st.sampled_from([0.0, 0.1, 1.0]), parts=st.sampled_from([1, 2]),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_conv(size, taps, groups, channels, outputs, bits, runs, density, parts, seed) -> None:
    rng = np.random.default_rng(seed)
    window = Window(channels * groups, size, (taps, taps), pads=(taps // 2,) * 4)
    weight = weights(rng, (outputs * groups, channels * taps * taps), bits, density, 4 if runs else 1)
    x = rng.integers(0, 256, (channels * groups, *size), np.uint8)
    want = conv("scalar", window, x, pack(weight, groups), seed, 1)
    for isa in ISAS:
        assert conv(isa, window, x, stored(weight, bits, runs, groups), seed, parts) == want, isa


@pytest.mark.parametrize("bits", [2, 4])
def test_a_strip_too_long_for_the_stack_is_unpacked_in_memory(bits: int) -> None:
    rng = np.random.default_rng(0)
    weight = weights(rng, (17, 8300), bits, 1.0, 1)
    x = rng.integers(0, 256, (2, 8300), np.uint8)
    want = linear("scalar", "rows", x, pack(weight), 0, np.uint8, 1)
    for isa in ISAS:
        assert linear(isa, "planes", x, stored(weight, bits, False), 0, np.uint8, 2) == want
