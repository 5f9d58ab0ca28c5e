"""Every row of linear_block16, by rows, runs and planes, and of linear_windows and linear_dense, against NumPy."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import (
    ISAS,
    Guarded,
    Packed,
    Quantised,
    float_bound,
    float_weights,
    kernels,
    options,
    pack,
    quantised_options,
    sparse,
)

ROADS = ("rows", "planes", "windows", "dense")


def run(isa: str, x: np.ndarray, packed: Packed, bias, multiplier, dtype, opts) -> Iterator[tuple[np.ndarray, str]]:
    rows, outputs = len(x), packed.shape[0]
    for road in ROADS:
        y = Guarded(rows * outputs, dtype)
        said = kernels.linear_block16(
            x, y.array, road, rows, packed.shape, packed.strips, packed.columns, packed.values, bias, multiplier, opts
        )
        if said is not None:
            assert ISAS.index(said["isa"]) <= ISAS.index(isa)
            yield y.check().reshape(rows, outputs), said["kernel"]


def check_f32(rows: int, inputs: int, outputs: int, density: float | str, seed: int, parts: int = 1) -> set[str]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, inputs)).astype(np.float32)
    weight = sparse(rng, (outputs, inputs), np.float32, density)
    bias = rng.standard_normal(outputs).astype(np.float32)
    seen = set()
    for packed, meant in float_weights(weight):
        want = np.clip(x.astype(np.float64) @ meant.T.astype(np.float64) + bias, -1, 6)
        scale = abs(x).astype(np.float64) @ abs(meant).T + abs(bias)
        for isa in ISAS:
            for got, kernel in run(isa, x, packed, bias, None, np.float32, options(isa, -1, 6, parts=parts)):
                assert (abs(got - want) <= float_bound(kernel, inputs) * scale).all(), kernel
                assert ("bf16" in kernel) == (packed.values.dtype == np.uint16)
                seen.add(kernel)
    return seen


def check_u8(
    rows: int, inputs: int, outputs: int, density: float | str, seed: int, dtype: type = np.uint8, parts: int = 1
) -> set[str]:
    rng = np.random.default_rng(seed)
    x = rng.choice(np.array([0, 255, *range(0, 256, 17)], np.uint8), (rows, inputs))
    weight = sparse(rng, (outputs, inputs), np.int8, density)
    zero = int(rng.choice([0, 255, 128, 3]))
    exact = weight.astype(np.int64) @ (x.T.astype(np.int64) - zero)
    span = max(1.0, float(abs(exact).max(initial=0)))
    multiplier = (rng.uniform(0.2, 2, outputs) * 200 / span).astype(np.float32)
    bias = rng.integers(-1000, 1000, outputs).astype(np.int32)
    q = Quantised(multiplier, bias, zero, int(rng.integers(256)), *((0, 255) if seed % 2 else (7, 200)), dtype)
    seen = set()
    for isa in ISAS:
        for got, kernel in run(isa, x, pack(weight), bias, multiplier, dtype, quantised_options(isa, q, parts)):
            np.testing.assert_array_equal(got.T, q.finish(exact), err_msg=kernel)
            seen.add(kernel)
    return seen


@pytest.mark.parametrize("outputs", [1, 15, 16, 17, 70])
@pytest.mark.parametrize("rows", [1, 2, 4, 5, 9, 15, 16, 17, 40])
def test_shapes(rows: int, outputs: int) -> None:
    for inputs in (1, 3, 18, 64):
        check_f32(rows, inputs, outputs, 0.5, rows + outputs)
        check_u8(rows, inputs, outputs, 0.5, rows + outputs)


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("density", [0.0, "one", 0.1, 1.0])
def test_densities(density: float | str, rows: int) -> None:
    check_f32(rows, 131, 50, density, 1)
    check_u8(rows, 131, 50, density, 1)
    check_u8(rows, 131, 50, density, 2, np.float32)


@pytest.mark.parametrize("rows", [3, 33])
@pytest.mark.parametrize("parts", [2, 3, 40])
def test_parts_agree(parts: int, rows: int) -> None:
    check_f32(rows, 60, 90, 0.4, 5, parts)
    check_u8(rows, 60, 90, 0.4, 5, parts=parts)
    check_u8(rows, 60, 90, 1.0, 5, np.float32, parts)


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("inputs", [700, 1500])
def test_rows_staged_a_few_at_a_time(inputs: int, parts: int) -> None:
    check_f32(87, inputs, 40, 0.1, 6, parts)  # planes of more than 32 KiB
    check_u8(135, inputs, 40, 0.1, 6, parts=parts)


def test_no_rows_is_no_work() -> None:
    check_f32(0, 8, 20, 1.0, 0)
    check_u8(0, 8, 20, 1.0, 0)


@pytest.mark.parametrize("rows", [1, 16])
@pytest.mark.parametrize("value", [-128, 127])
def test_extremes_do_not_saturate(value: int, rows: int) -> None:
    x = np.full((rows, 1024), 255, np.uint8)
    weight = np.full((16, 1024), value, np.int8)
    weight[::2, ::2] = 127 if value < 0 else -128  # neighbours that cancel only in a wide sum
    exact = weight.astype(np.int64) @ x.T.astype(np.int64)
    q = Quantised(np.full(16, 4e-6, np.float32), np.zeros(16, np.int32), y_zero=128)
    for isa in ISAS:
        for got, kernel in run(isa, x, pack(weight), q.bias, q.multiplier, np.uint8, quantised_options(isa, q, 1)):
            np.testing.assert_array_equal(got.T, q.finish(exact), err_msg=kernel)


def test_wide_columns() -> None:
    rng = np.random.default_rng(0)
    check_u8(1, 70_000, 16, 0.01, 1)
    weight = sparse(rng, (16, 70_000), np.float32, 0.01)
    assert pack(weight).columns.dtype == np.uint32
    check_f32(2, 70_000, 16, 0.01, 3)


def test_every_row_of_the_table_is_reached() -> None:
    seen: set[str] = set()
    for rows in (1, 20):
        for density in (0.5, 1.0):
            seen |= check_f32(rows, 64, 16, density, 1)
            seen |= check_u8(rows, 64, 16, density, 1) | check_u8(rows, 64, 16, density, 1, np.float32)
    mine = [n for n in kernels.names() if n.startswith(("linear_block16", "linear_windows", "linear_dense"))]
    expected = {n for n in mine if n.rsplit("_", 1)[1] in ISAS}
    assert seen == expected


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 300), st.integers(1, 70), st.sampled_from([0.05, 0.5, 1.0]), st.integers(0, 999)
)
def test_any_shape(rows: int, inputs: int, outputs: int, density: float, seed: int) -> None:
    check_f32(rows, inputs, outputs, density, seed, 1 + seed % 3)
    check_u8(rows, inputs, outputs, density, seed, np.uint8 if seed % 5 else np.float32, 1 + seed % 3)
