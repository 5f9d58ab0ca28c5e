"""Every row of matmul against NumPy in float64, around the edges of its tiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import ISAS, Guarded, kernels, options


def check(M: int, K: int, N: int, seed: int, parts: int = 1) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((M, K)).astype(np.float32), rng.standard_normal((K, N)).astype(np.float32)
    want = a.astype(np.float64) @ b.astype(np.float64)
    bound = (K + 1) * 2.0**-23 * (abs(a).astype(np.float64) @ abs(b).astype(np.float64))
    for isa in ISAS:
        y = Guarded(M * N, np.float32)
        kernels.matmul(a, b, y.array.reshape(M, N), options(isa, parts=parts))
        assert (abs(y.check().reshape(M, N) - want) <= bound).all(), isa


@pytest.mark.parametrize("M", [1, 5, 6, 7, 12, 13, 25])
@pytest.mark.parametrize("N", [1, 7, 8, 16, 17, 31, 32, 33, 65])
def test_tiles(M: int, N: int) -> None:
    check(M, 9, N, M * N)


@pytest.mark.parametrize("isa", ISAS)
def test_parts_are_bit_identical(isa: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((37, 50)).astype(np.float32), rng.standard_normal((50, 41)).astype(np.float32)
    results = [np.zeros((37, 41), np.float32) for _ in range(3)]
    for parts, y in zip((1, 2, 5), results, strict=True):
        kernels.matmul(a, b, y, options(isa, parts=parts))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_nothing_to_add_is_zero() -> None:
    check(5, 0, 20, 0)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 40), st.integers(1, 80), st.integers(1, 80), st.integers(0, 99))
def test_any_shape(M: int, K: int, N: int, seed: int) -> None:
    check(M, K, N, seed, 1 + seed % 3)
