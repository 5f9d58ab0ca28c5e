import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apus.artifact import (
    Array,
    from_bfloat16,
    narrow,
    pack,
    pack_runs,
    to_bfloat16,
    unpack,
    value_bits,
    wide_values,
)


def sparse(rows: int, columns: int, density: float, dtype: str, seed: int) -> Array:
    random = np.random.default_rng(seed)
    matrix = random.integers(-127, 128, (rows, columns)) * (random.random((rows, columns)) < density)
    return matrix.astype(dtype)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.integers(1, 70), columns=st.integers(1, 70), groups=st.integers(1, 3),
    density=st.sampled_from([0.0, 0.01, 0.2, 1.0]), dtype=st.sampled_from(["float32", "int8"]), seed=st.integers(0, 99),
)  # fmt: skip
def test_unpack_inverts_pack(rows: int, columns: int, groups: int, density: float, dtype: str, seed: int) -> None:
    matrix = sparse(rows * groups, columns, density, dtype, seed)
    packed = pack(matrix, groups)
    assert (unpack(packed, rows * groups, columns, groups) == matrix).all()
    assert packed.strips[0] == 0 and packed.strips[-1] == len(packed.values)
    assert (packed.columns < columns).all()


def test_all_zero_blocks_are_dropped_and_others_kept() -> None:
    matrix = np.zeros((48, 5), np.float32)
    matrix[3, 1] = matrix[20, 4] = matrix[47, 0] = 7
    packed = pack(matrix)
    assert packed.strips.tolist() == [0, 1, 2, 3]
    assert packed.columns.ravel().tolist() == [1, 4, 0]
    assert packed.values[0, 3, 0] == packed.values[1, 4, 0] == packed.values[2, 15, 0] == 7


def test_int8_blocks_pad_with_the_last_column_and_zeros() -> None:
    matrix = np.zeros((16, 9), np.int8)
    matrix[:, [1, 2, 3, 5, 7]] = 3
    packed = pack(matrix)
    assert packed.columns.tolist() == [[1, 2, 3, 5], [7, 7, 7, 7]]
    assert not packed.values[1, :, 1:].any()


@pytest.mark.parametrize(("columns", "dtype"), [(1 << 16, "uint16"), ((1 << 16) + 1, "uint32")])
def test_column_dtype_follows_the_width(columns: int, dtype: str) -> None:
    matrix = np.zeros((1, columns), np.float32)
    matrix[0, -1] = 1
    packed = pack(matrix)
    assert packed.columns.dtype == dtype and packed.columns.item() == columns - 1


def test_five_million_weights_pack_within_a_second() -> None:
    matrix = np.ones((2048, 2500), np.float32)
    started = time.process_time()
    pack(matrix)
    assert time.process_time() - started < 1.0


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 40), quads=st.integers(1, 20), groups=st.integers(1, 3),
    density=st.sampled_from([0.0, 0.2, 1.0]), bits=st.sampled_from([2, 4, 8]), seed=st.integers(0, 99),
)  # fmt: skip
def test_few_bits_and_runs_come_back(rows: int, quads: int, groups: int, density: float, bits: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    ends = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    keep = np.repeat(random.random((rows * groups, quads)) < density, 4, axis=1)
    matrix = (random.integers(ends[0], ends[1] + 1, (rows * groups, quads * 4)) * keep).astype(np.int8)
    for packed in (pack(matrix, groups), pack_runs(matrix, groups)):
        values = narrow(packed.values)
        assert value_bits(values) <= bits and values.nbytes == packed.values.nbytes * value_bits(values) // 8
        assert (wide_values(values) == packed.values).all()
        assert (unpack(packed._replace(values=values), rows * groups, quads * 4, groups) == matrix).all()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 70), columns=st.integers(1, 70), groups=st.integers(1, 3),
    density=st.sampled_from([0.0, 0.01, 0.2, 1.0]), seed=st.integers(0, 99),
)  # fmt: skip
def test_bfloat16_blocks_come_back_rounded(rows: int, columns: int, groups: int, density: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((rows * groups, columns)) * (random.random((rows * groups, columns)) < density)
    halves = to_bfloat16(matrix.astype(np.float32))
    packed = pack(halves, groups)
    assert packed.values.shape[1:] == (16, 2) and value_bits(packed.values) == 16
    assert (unpack(packed, rows * groups, columns, groups) == from_bfloat16(halves)).all()
    assert packed.strips[-1] == len(packed.values) and (packed.columns < columns).all()


def test_bfloat16_pads_with_the_last_column_and_zeros() -> None:
    matrix = np.zeros((16, 9), np.float32)
    matrix[:, [1, 2, 5]] = 3
    matrix[:, 7] = -1e-45  # rounds to nothing
    packed = pack(to_bfloat16(matrix))
    assert packed.columns.tolist() == [[1, 2], [5, 5]]
    assert not packed.values[1, :, 1].any()


def test_bfloat16_rounds_to_the_nearest_and_halves_to_even() -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 2**32, 100_000, dtype=np.uint64).astype(np.uint32)
    x[:512] = np.arange(512, dtype=np.uint32) * 0x4000 + 0x3F80_0000  # every tie and its neighbours
    values = x.view(np.float32)
    values = values[np.isfinite(values) & (abs(values) < 3.38e38)]
    got = to_bfloat16(values)
    below = from_bfloat16((values.view(np.uint32) >> 16).astype(np.uint16)).astype(np.float64)
    above = from_bfloat16((values.view(np.uint32) >> 16).astype(np.uint16) + np.uint16(1)).astype(np.float64)
    distances = abs(values - below), abs(values - above)
    up = (distances[1] < distances[0]) | ((distances[0] == distances[1]) & (values.view(np.uint32) >> 16 & 1 == 1))
    assert (from_bfloat16(got) == np.where(up, above, below)).all()
    assert np.isinf(from_bfloat16(to_bfloat16(np.float32([3.4e38, -np.inf])))).all()
    patterns = np.uint32([0x7F800001, 0xFFFFFFFF, 0x7FC00000, 0x7FFFFFFF]).view(np.float32)
    assert np.isnan(from_bfloat16(to_bfloat16(patterns))).all()


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(-2, 1, 2), (-3, 1, 4), (0, 2, 4), (-8, 7, 4), (-9, 0, 8), (0, 8, 8)]
)
def test_bits_are_the_fewest_that_hold_both_ends(low: int, high: int, bits: int) -> None:
    values = np.zeros((1, 16, 4), np.int8)
    values[0, 0, 0], values[0, 15, 3] = low, high
    assert value_bits(narrow(values)) == bits and (wide_values(narrow(values)) == values).all()
