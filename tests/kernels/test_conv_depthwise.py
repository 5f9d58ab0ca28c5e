"""Every row of conv_depthwise and of conv_depthwise_rows against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import ISAS, Guarded, Quantised, Window, kernels, options, quantised_options

ROADS = ("positions", "rows")
SHAPES = [
    Window(1, (1, 1)),
    Window(5, (7, 7), (3, 3), pads=(1, 1, 1, 1)),
    Window(4, (14, 14), (3, 3), (2, 2), pads=(0, 0, 1, 1)),
    Window(3, (9, 20), (5, 5), (1, 2), (2, 1), (4, 2, 4, 2)),
    Window(2, (1, 40), (1, 4), pads=(0, 3, 0, 0)),
    Window(3, (16, 16), (2, 2), (2, 2)),
    Window(3, (40, 71), (3, 3), pads=(1, 1, 1, 1)),
    Window(3, (40, 70), (5, 5), (2, 2), pads=(2, 1, 2, 2)),
    Window(2, (30, 130), (3, 3), (2, 2), pads=(0, 0, 1, 1)),
    Window(2, (9, 33), (7, 9), pads=(3, 4, 3, 4)),
]


def run(isa: str, road: str, window: Window, x, weight, bias, multiplier, dtype, opts) -> np.ndarray | None:
    y = Guarded(len(weight) * int(np.prod(window.out)), dtype)
    said = kernels.conv_depthwise(x, y.array, road, window.flat(), len(weight), weight, bias, multiplier, opts)
    if said is None:
        return None
    assert said["kernel"] in kernels.names() and ISAS.index(said["isa"]) <= ISAS.index(isa)
    return y.check().reshape(len(weight), -1)


def check(window: Window, multiple: int, seed: int, parts: int = 1) -> None:
    rng = np.random.default_rng(seed)
    outputs, taps = window.channels * multiple, int(np.prod(window.kernel))
    check_f32(rng, window, outputs, taps, parts)
    for dtype in (np.uint8, np.float32):
        check_u8(rng, window, outputs, taps, dtype, parts)


def check_f32(rng: np.random.Generator, window: Window, outputs: int, taps: int, parts: int) -> None:
    x = rng.standard_normal((window.channels, *window.size)).astype(np.float32)
    weight = rng.standard_normal((outputs, taps)).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    columns = np.repeat(window.columns(x, 0), outputs // window.channels, axis=0).astype(np.float64)
    want = np.clip(np.einsum("mt,mtp->mp", weight, columns) + bias[:, None], -0.5, np.inf)
    scale = np.einsum("mt,mtp->mp", abs(weight), abs(columns)) + abs(bias[:, None])
    for isa in ISAS:
        got = run(isa, "positions", window, x, weight, bias, None, np.float32, options(isa, -0.5, np.inf, parts=parts))
        assert (abs(got - want) <= (taps + 2) * 2.0**-23 * scale).all(), isa


def check_u8(rng: np.random.Generator, window: Window, outputs: int, taps: int, dtype: type, parts: int) -> None:
    x = rng.choice(np.array([0, 255, *range(0, 256, 17)], np.uint8), (window.channels, *window.size))
    weight = rng.choice(np.array([-128, -127, 127, *range(-100, 100, 7)], np.int8), (outputs, taps))
    zero = int(rng.choice([0, 255, 128]))
    columns = np.repeat(window.columns(x, zero), outputs // window.channels, axis=0).astype(np.int64) - zero
    exact = np.einsum("mt,mtp->mp", weight.astype(np.int64), columns)
    multiplier = (rng.uniform(0.2, 2, outputs) * 200 / max(1, abs(exact).max())).astype(np.float32)
    bias = rng.integers(-1000, 1000, outputs).astype(np.int32)
    q = Quantised(multiplier, bias, zero, int(rng.integers(256)), 3, 250, dtype)
    for isa in ISAS:
        for road in ROADS:
            got = run(isa, road, window, x, weight, bias, multiplier, dtype, quantised_options(isa, q, parts))
            if got is not None:
                np.testing.assert_array_equal(got, q.finish(exact), err_msg=f"{isa} {road}")


@pytest.mark.parametrize("multiple", [1, 3])
@pytest.mark.parametrize("window", SHAPES, ids=str)
def test_shapes(window: Window, multiple: int) -> None:
    check(window, multiple, multiple)


@pytest.mark.skipif("vnni" not in ISAS, reason="rows need VNNI")
@pytest.mark.parametrize(("stride", "dilation", "served"), [(1, 1, True), (2, 1, True), (3, 1, False), (1, 2, False)])
def test_rows_serve_strides_one_and_two(stride: int, dilation: int, served: bool) -> None:
    window = Window(2, (12, 30), (3, 3), (3, stride), (2, dilation), (1, 1, 1, 1))
    x, weight = np.ones((2, 12, 30), np.uint8), np.ones((2, 9), np.int8)
    q = Quantised(np.ones(2, np.float32), np.zeros(2, np.int32))
    got = run("vnni", "rows", window, x, weight, q.bias, q.multiplier, np.uint8, quantised_options("vnni", q, 1))
    assert (got is not None) == served


@pytest.mark.parametrize("parts", [2, 7])
def test_parts_agree(parts: int) -> None:
    check(SHAPES[1], 1, 4, parts)


# size, kernel, stride, dilation, padding before and after
axis = st.tuples(*(st.integers(*span) for span in ((1, 20), (1, 5), (1, 3), (1, 3), (0, 4), (0, 4))))


@settings(max_examples=200, deadline=None)
@given(axis, axis, st.integers(1, 4), st.integers(1, 3), st.integers(0, 999))
def test_any_geometry(rows, columns, channels: int, multiple: int, seed: int) -> None:
    (h, kh, sh, dh, top, bottom), (w, kw, sw, dw, left, right) = rows, columns
    size = (max(h, dh * (kh - 1) + 1), max(w, dw * (kw - 1) + 1))
    window = Window(channels, size, (kh, kw), (sh, sw), (dh, dw), (top, left, bottom, right))
    check(window, multiple, seed, 1 + seed % 3)
