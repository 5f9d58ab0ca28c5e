import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apus.artifact import Array, pack, unpack


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
