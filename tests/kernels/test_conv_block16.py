"""Every row of conv_block16, and conv_dense, against NumPy: float64 for float32, exact integers for int8."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import (
    ISAS,
    Guarded,
    Packed,
    Quantised,
    Window,
    float_bound,
    float_weights,
    kernels,
    options,
    pack,
    quantised_options,
    sparse,
)

SHAPES = [
    Window(1, (1, 1)),
    Window(3, (5, 5), (3, 3), pads=(1, 1, 1, 1)),
    Window(4, (4, 4)),
    Window(5, (1, 33), (1, 3), pads=(0, 1, 0, 1)),
    Window(8, (7, 7), (3, 3), pads=(1, 1, 1, 1)),
    Window(8, (14, 14), (3, 3), (2, 2), pads=(1, 1, 1, 1)),
    Window(6, (9, 13), (5, 3), (2, 1), (1, 2), (2, 2, 1, 0)),
    Window(4, (15, 15), (1, 1), (2, 2)),
    Window(4, (6, 17), (2, 2), (3, 3)),
    Window(2, (3, 3), (1, 1), pads=(1, 2, 1, 1)),
    Window(3, (16, 16), (3, 3)),
    Window(2, (28, 28), (3, 3), pads=(1, 1, 1, 1)),
]


DENSE = [
    Window(16, (7, 7), (3, 3), pads=(1, 1, 1, 1)),
    Window(32, (14, 14), (3, 3), (2, 2), pads=(1, 1, 1, 1)),
    Window(48, (5, 9)),
    Window(16, (9, 33), (5, 3), (2, 1), (2, 1), (2, 2, 1, 0)),
    Window(16, (1, 70), (1, 4), (1, 3), pads=(0, 1, 0, 2)),
]
ROADS = {"blocks": kernels.conv_block16, "dense": kernels.conv_dense}


def run(
    isa: str, window: Window, x: np.ndarray, packed: Packed, bias, multiplier, dtype, opts, road: str = "blocks"
) -> tuple[np.ndarray, str] | None:
    y = Guarded(packed.shape[0] * int(np.prod(window.out)), dtype)
    said = ROADS[road](
        x, y.array, window.flat(), packed.shape, packed.strips, packed.columns, packed.values, bias, multiplier, opts
    )
    if said is None:
        return None
    assert ISAS.index(said["isa"]) <= ISAS.index(isa)
    return y.check().reshape(packed.shape[0], -1), said["kernel"]


def runs(isa: str, *given: object) -> Iterator[tuple[np.ndarray, str]]:
    """By every road that there is."""
    found = (run(isa, *given, road) for road in ROADS)
    return (each for each in found if each is not None)


def sums(window: Window, weight: np.ndarray, columns: np.ndarray, groups: int) -> np.ndarray:
    parts = zip(np.split(weight, groups), np.split(columns, groups), strict=True)
    return np.concatenate([w @ c.reshape(w.shape[1], -1) for w, c in parts])


def check_f32(window: Window, outputs: int, groups: int, density: float | str, seed: int, parts: int = 1) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((window.channels, *window.size)).astype(np.float32)
    inputs = window.channels // groups * int(np.prod(window.kernel))
    weight = sparse(rng, (outputs, inputs), np.float32, density)
    bias = rng.standard_normal(outputs).astype(np.float32)
    columns = window.columns(x, 0).astype(np.float64)
    for packed, meant in float_weights(weight, groups):
        want = np.clip(sums(window, meant.astype(np.float64), columns, groups) + bias[:, None], -1, 6)
        scale = sums(window, abs(meant).astype(np.float64), abs(columns), groups) + abs(bias[:, None])
        for isa in ISAS:
            opts = options(isa, -1, 6, parts=parts)
            for got, kernel in runs(isa, window, x, packed, bias, None, np.float32, opts):
                assert (abs(got - want) <= float_bound(kernel, inputs) * scale).all(), kernel


def check_u8(
    window: Window, outputs: int, groups: int, density: float | str, seed: int, dtype: type = np.uint8, parts: int = 1
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.choice(np.array([0, 255, *range(0, 256, 17)], np.uint8), (window.channels, *window.size))
    inputs = window.channels // groups * int(np.prod(window.kernel))
    weight = sparse(rng, (outputs, inputs), np.int8, density)
    zero = int(rng.choice([0, 255, 128, 3]))
    exact = sums(window, weight.astype(np.int64), window.columns(x, zero).astype(np.int64) - zero, groups)
    span = max(1.0, float(abs(exact).max()))
    q = Quantised(
        (rng.uniform(0.2, 2, outputs) * 200 / span).astype(np.float32),
        rng.integers(-1000, 1000, outputs).astype(np.int32),
        zero, int(rng.integers(256)), *((0, 255) if seed % 2 else (7, 200)), dtype,
    )  # fmt: skip
    for isa in ISAS:
        opts = quantised_options(isa, q, parts)
        for got, kernel in runs(isa, window, x, pack(weight, groups), q.bias, q.multiplier, dtype, opts):
            np.testing.assert_array_equal(got, q.finish(exact), err_msg=f"{isa} {kernel}")


@pytest.mark.parametrize("outputs", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("window", SHAPES, ids=str)
def test_shapes(window: Window, outputs: int) -> None:
    check_f32(window, outputs, 1, 0.5, outputs)
    check_u8(window, outputs, 1, 0.5, outputs)


@pytest.mark.parametrize("outputs", [1, 16, 40, 70])
@pytest.mark.parametrize("window", DENSE, ids=str)
def test_dense_shapes(window: Window, outputs: int) -> None:
    check_f32(window, outputs, 1, 1.0, outputs, 1 + outputs % 3)
    check_u8(window, outputs, 1, 1.0, outputs, parts=1 + outputs % 3)
    check_u8(replace(window, channels=window.channels + 5), outputs, 1, 1.0, outputs, np.float32)


def test_dense_serves_what_lacks_no_block() -> None:
    rng = np.random.default_rng(0)
    for channels, density, served in ((16, 1.0, True), (24, 1.0, False), (16, 0.5, False)):
        window, weight = Window(channels, (4, 4)), sparse(rng, (32, channels), np.float32, density)
        x = rng.standard_normal((channels, 4, 4)).astype(np.float32)
        for isa in set(ISAS) & {"scalar", "avx2", "avx512", "vnni"}:
            found = run(isa, window, x, pack(weight), None, None, np.float32, options(isa), "dense")
            assert (found is not None) == (served and isa != "scalar")


@pytest.mark.parametrize("density", [0.0, "one", 0.1, 1.0])
def test_densities(density: float | str) -> None:
    window = Window(9, (8, 9), (3, 3), pads=(1, 1, 1, 1))
    check_f32(window, 33, 1, density, 1)
    check_u8(window, 33, 1, density, 1)
    check_u8(window, 33, 1, density, 2, np.float32)


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_groups(groups: int, strides: tuple[int, int]) -> None:
    window = Window(8, (7, 10), (3, 3), strides, pads=(1, 1, 1, 1))
    check_f32(window, 20, groups, 0.6, groups)
    check_u8(window, 20, groups, 0.6, groups)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 7, 18, 19, 22])
@pytest.mark.parametrize("outputs", [8, 25])
def test_sums_wait_between_chunks_of_weights(rows: int, outputs: int) -> None:
    """360 columns are three chunks; so many vectors are tiles of three, two and one, at once and in turns."""
    check_f32(Window(40, (rows, 14), (3, 3), pads=(1, 1, 1, 1)), outputs, 1, 1.0, rows)


@pytest.mark.parametrize("parts", [2, 3, 7, 64])
def test_parts_agree(parts: int) -> None:
    window = Window(8, (13, 11), (3, 3), pads=(1, 1, 1, 1))
    check_f32(window, 40, 1, 0.4, 5, parts)
    check_u8(window, 40, 1, 0.4, 5, parts=parts)
    check_u8(window, 40, 2, 0.4, 5, np.float32, parts)


def test_extremes_do_not_saturate() -> None:
    window = Window(64, (5, 5), (3, 3), pads=(1, 1, 1, 1))
    x = np.full((64, 5, 5), 255, np.uint8)
    for value in (-128, 127):
        weight = np.full((16, 576), value, np.int8)
        q = Quantised(np.full(16, 1e-5, np.float32), np.zeros(16, np.int32), y_zero=128)
        exact = sums(window, weight.astype(np.int64), window.columns(x, 0).astype(np.int64), 1)
        for isa in ISAS:
            got, _ = run(isa, window, x, pack(weight), q.bias, q.multiplier, np.uint8, quantised_options(isa, q, 1))
            np.testing.assert_array_equal(got, q.finish(exact), err_msg=isa)


def test_results_beyond_int32_are_clamped() -> None:
    window = Window(4, (3, 3))
    x = np.full((4, 3, 3), 255, np.uint8)
    for value, want in ((127, 255), (-128, 0)):
        weight = np.full((16, 4), value, np.int8)
        for isa in ISAS:
            multiplier = np.full(16, 1e30, np.float32)
            opts = options(isa, 0, 255, y_zero_point=9)
            got, _ = run(isa, window, x, pack(weight), None, multiplier, np.uint8, opts)
            assert (got == want).all(), isa


def test_not_a_number_passes_through_the_clamp() -> None:
    window = Window(1, (1, 20))
    x = np.zeros((1, 1, 20), np.float32)
    x[0, 0, 3] = np.nan
    for packed, _ in float_weights(np.ones((3, 1), np.float32)):
        for isa in ISAS:
            got, kernel = run(isa, window, x, packed, None, None, np.float32, options(isa, 0, 6))
            assert np.isnan(got[:, 3]).all() and np.isnan(got).sum() == 3, kernel


# size, kernel, stride, dilation, padding before and after
axis = st.tuples(*(st.integers(*span) for span in ((1, 20), (1, 4), (1, 3), (1, 3), (0, 4), (0, 4))))


@settings(max_examples=200, deadline=None)
@given(
    axis,
    axis,
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 20),
    st.sampled_from([0.2, 1.0]),
    st.integers(0, 999),
)
def test_any_geometry(rows, columns, groups: int, channels: int, outputs: int, density: float, seed: int) -> None:
    (h, kh, sh, dh, top, bottom), (w, kw, sw, dw, left, right) = rows, columns
    window = Window(
        channels * groups,
        (max(h, dh * (kh - 1) + 1), max(w, dw * (kw - 1) + 1)),
        (kh, kw), (sh, sw), (dh, dw), (top, left, bottom, right),
    )  # fmt: skip
    check_f32(window, outputs * groups, groups, density, seed, 1 + seed % 3)
    check_u8(window, outputs * groups, groups, density, seed, parts=1 + seed % 3)


@pytest.mark.parametrize("isa", ISAS)
def test_float_parts_are_bit_identical(isa: str) -> None:
    rng = np.random.default_rng(0)
    window = Window(8, (13, 11), (3, 3), pads=(1, 1, 1, 1))
    x = rng.standard_normal((8, 13, 11)).astype(np.float32)
    for packed, _ in float_weights(sparse(rng, (40, 72), np.float32, 0.6)):
        one, many = (run(isa, window, x, packed, None, None, np.float32, options(isa, parts=p))[0] for p in (1, 5))
        np.testing.assert_array_equal(one, many)


def test_every_row_of_the_table_is_reached() -> None:
    rng = np.random.default_rng(0)
    window, seen = Window(4, (5, 5)), set()
    for isa in ISAS:
        floats = [(packed, np.float32, np.float32) for packed, _ in float_weights(np.ones((16, 4), np.float32))]
        bytes_ = [(pack(sparse(rng, (16, 4), np.int8, 1.0)), np.uint8, y) for y in (np.uint8, np.float32)]
        for packed, x_type, y_type in floats + bytes_:
            y, multiplier = np.zeros(400, y_type), None if x_type is np.float32 else np.ones(16, np.float32)
            seen.add(
                kernels.conv_block16(
                    np.zeros((4, 5, 5), x_type), y, window.flat(), packed.shape,
                    packed.strips, packed.columns, packed.values, None, multiplier, options(isa, 0, 9),
                )["kernel"]
            )  # fmt: skip
    assert seen == {n for n in kernels.names() if n.startswith("conv_block16") and n.rsplit("_", 1)[1] in ISAS}
