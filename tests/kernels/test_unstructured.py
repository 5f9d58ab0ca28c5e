"""Every row of conv_unstructured and linear_slots, over images and over rows of a linear layer, against NumPy."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import ISAS, Guarded, Quantised, Window, kernels, options

from apus.artifact import pack_unstructured

WINDOWS = [
    Window(6, (13, 17)),
    Window(4, (9, 20), (3, 3), pads=(1, 1, 1, 1)),
    Window(4, (12, 11), (3, 3), (2, 2), pads=(0, 1, 1, 0)),
    Window(6, (10, 15), (2, 3), (3, 1), (2, 1), (1, 2, 0, 1)),
    Window(2, (1, 40), (1, 5), (1, 2), (1, 3), (0, 4, 0, 4)),
]


def weights(rng: np.random.Generator, rows: int, columns: int, density: float) -> np.ndarray:
    """A random matrix, of whose rows the first is empty and the last full."""
    keep = rng.random((rows, columns)) < density
    keep[0], keep[-1] = False, True
    return (rng.standard_normal((rows, columns)) * keep).astype(np.float32)


def run(x: np.ndarray, weight: np.ndarray, shape: tuple[int, int], opts: dict, **given) -> Iterator[tuple]:
    """(y, kernel) of each ISA that has one; `shape` is y's, [M, positions] or [N, M]."""
    packed = pack_unstructured(weight)
    for isa in ISAS:
        y = Guarded(int(np.prod(shape)), given.get("dtype", np.float32))
        said = kernels.unstructured(
            x, y.array, given["road"], given.get("window", []), len(x), [*weight.shape, given.get("groups", 1)],
            packed.strips, packed.columns, packed.values, given["bias"], given.get("multiplier"), options(isa, **opts),
        )  # fmt: skip
        if said is not None:
            assert ISAS.index(said["isa"]) <= ISAS.index(isa)
            yield y.check().reshape(shape), said["kernel"]


def check_linear(rows: int, inputs: int, outputs: int, density: float, seed: int, parts: int = 1) -> set[str]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, inputs)).astype(np.float32)
    weight, bias = weights(rng, outputs, inputs, density), rng.standard_normal(outputs).astype(np.float32)
    want = np.clip(x.astype(np.float64) @ weight.T.astype(np.float64) + bias, -1, 6)
    bound = (inputs + 2) * 2.0**-23 * (abs(x).astype(np.float64) @ abs(weight).T + abs(bias))
    seen, opts = set(), {"low": -1, "high": 6, "parts": parts}
    for road in ("slots", "planes"):
        for got, kernel in run(x, weight, (rows, outputs), opts, road=road, bias=bias):
            assert (abs(got - want) <= bound).all(), kernel
            seen.add(kernel)
    return seen


def check_u8(
    rows: int, inputs: int, outputs: int, density: float, seed: int, dtype: type = np.uint8, parts: int = 1
) -> set[str]:
    rng = np.random.default_rng(seed)
    x = rng.choice(np.array([0, 255, *range(0, 256, 17)], np.uint8), (rows, inputs))
    keep = weights(rng, outputs, inputs, density) != 0
    weight = (rng.choice(np.array([-128, -127, 127, 1, -3]), keep.shape) * keep).astype(np.int8)
    zero = int(rng.choice([0, 255, 128, 3]))
    exact = weight.astype(np.int64) @ (x.T.astype(np.int64) - zero)
    multiplier = (rng.uniform(0.2, 2, outputs) * 200 / max(1.0, float(abs(exact).max(initial=0)))).astype(np.float32)
    bias = rng.integers(-1000, 1000, outputs).astype(np.int32)
    q = Quantised(multiplier, bias, zero, int(rng.integers(256)), *((0, 255) if seed % 2 else (7, 200)), dtype)
    opts = {"low": q.low, "high": q.high, "x_zero_point": zero, "y_zero_point": q.y_zero, "parts": parts}
    given, seen = {"road": "slots", "bias": bias, "multiplier": multiplier, "dtype": dtype}, set()
    for got, kernel in run(x, weight, (rows, outputs), opts, **given):
        np.testing.assert_array_equal(got.T, q.finish(exact), err_msg=kernel)
        seen.add(kernel)
    return seen


def check_conv(window: Window, outputs: int, groups: int, density: float, seed: int, parts: int = 1) -> set[str]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((window.channels, *window.size)).astype(np.float32)
    columns = window.columns(x.astype(np.float64), 0)
    taps = columns.reshape(groups, -1, columns.shape[2])
    weight = weights(rng, outputs, taps.shape[1], density)
    bias = rng.standard_normal(outputs).astype(np.float32)
    parted = weight.astype(np.float64).reshape(groups, -1, taps.shape[1])
    want = np.clip((parted @ taps).reshape(outputs, -1) + bias[:, None], -1, 6)
    scale = (abs(parted) @ abs(taps)).reshape(outputs, -1) + abs(bias)[:, None]
    bound = (taps.shape[1] + 2) * 2.0**-23 * scale
    seen, opts = set(), {"low": -1, "high": 6, "parts": parts}
    given = {"road": "planes", "window": window.flat(), "groups": groups, "bias": bias}
    for got, kernel in run(x, weight, want.shape, opts, **given):
        assert (abs(got - want) <= bound).all(), kernel
        seen.add(kernel)
    return seen


def check_conv_u8(
    window: Window, outputs: int, density: float, seed: int, dtype: type = np.uint8, parts: int = 1
) -> set[str]:
    rng = np.random.default_rng(seed)
    x = rng.choice(np.array([0, 255, *range(0, 256, 17)], np.uint8), (window.channels, *window.size))
    zero = int(rng.choice([0, 255, 128, 3]))
    taps = window.columns(x, zero).astype(np.int64) - zero
    taps = taps.reshape(-1, taps.shape[2])
    keep = weights(rng, outputs, len(taps), density) != 0
    weight = (rng.choice(np.array([-128, -127, 127, 1, -3]), keep.shape) * keep).astype(np.int8)
    exact = weight.astype(np.int64) @ taps
    multiplier = (rng.uniform(0.2, 2, outputs) * 200 / max(1.0, float(abs(exact).max(initial=0)))).astype(np.float32)
    bias = rng.integers(-1000, 1000, outputs).astype(np.int32)
    q = Quantised(multiplier, bias, zero, int(rng.integers(256)), *((0, 255) if seed % 2 else (7, 200)), dtype)
    opts = {"low": q.low, "high": q.high, "x_zero_point": zero, "y_zero_point": q.y_zero, "parts": parts}
    given = {"road": "slots", "window": window.flat(), "bias": bias, "multiplier": multiplier, "dtype": dtype}
    seen = set()
    for got, kernel in run(x, weight, exact.shape, opts, **given):
        np.testing.assert_array_equal(got, q.finish(exact), err_msg=kernel)
        seen.add(kernel)
    return seen


@pytest.mark.parametrize("outputs", [1, 3, 4, 5, 70])
@pytest.mark.parametrize("rows", [0, 1, 4, 15, 16, 17, 32, 33, 40, 64, 65])
def test_linear_shapes(rows: int, outputs: int) -> None:
    for inputs in (1, 3, 64):
        check_linear(rows, inputs, outputs, 0.3, rows + outputs)
        check_u8(rows, inputs, outputs, 0.3, rows + outputs)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("window", WINDOWS)
def test_windows(window: Window, groups: int) -> None:
    check_conv(window, 10, groups, 0.3, 1)
    check_conv_u8(window, 10, 0.3, groups, np.uint8 if groups == 1 else np.float32)


@pytest.mark.parametrize("density", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("parts", [1, 2, 3, 40])
def test_parts_and_densities(parts: int, density: float) -> None:
    check_linear(20, 131, 50, density, 1, parts)
    check_linear(200, 31, 50, density, 1, parts)
    check_u8(20, 131, 50, density, 1, parts=parts)
    check_u8(200, 31, 50, density, 2, np.float32, parts)
    check_conv(WINDOWS[1], 24, 2, density, 2, parts)
    check_conv_u8(WINDOWS[1], 150, density, 2, parts=parts)


@pytest.mark.parametrize("road", ["slots", "planes"])
def test_results_do_not_depend_on_the_parts(road: str) -> None:
    rng = np.random.default_rng(0)
    for rows in (1, 17, 100, 300):
        x, weight = rng.standard_normal((rows, 90)).astype(np.float32), weights(rng, 160, 90, 0.4)
        found: dict[str, set[bytes]] = {}
        for parts in (1, 2, 3, 5):
            opts = {"low": -np.inf, "high": np.inf, "parts": parts}
            for got, kernel in run(x, weight, (rows, 160), opts, road=road, bias=None):
                found.setdefault(kernel, set()).add(got.tobytes())
        assert found and all(len(results) == 1 for results in found.values()), rows


@pytest.mark.parametrize(("road", "rows"), [("slots", 1), ("slots", 64), ("planes", 128)])
def test_two_threads_carry_equal_work(road: str, rows: int) -> None:
    rng = np.random.default_rng(0)
    density = rng.uniform(0.02, 0.3, (768, 1))  # of each row another
    weight = (rng.standard_normal((768, 512)) * (rng.random((768, 512)) < density)).astype(np.float32)
    packed, y = pack_unstructured(weight), np.zeros((rows, 768), np.float32)
    x = rng.standard_normal((rows, 512)).astype(np.float32)
    arrays = (packed.strips, packed.columns, packed.values, None, None)
    for isa in ISAS:
        opts = options(isa, parts=2)
        said = kernels.unstructured(x, y, road, [], rows, [768, 512, 1], *arrays, opts)
        assert said["imbalance"] <= 0.03, said["kernel"]


def test_extremes_do_not_saturate() -> None:
    x, weight = np.full((5, 1024), 255, np.uint8), np.full((20, 1024), -128, np.int8)
    weight[::2, ::2] = 127
    exact = weight.astype(np.int64) @ x.T.astype(np.int64)
    q = Quantised(np.full(20, 4e-6, np.float32), np.zeros(20, np.int32), y_zero=128)
    opts = {"low": 0, "high": 255, "y_zero_point": 128}
    given = {"road": "slots", "bias": q.bias, "multiplier": q.multiplier, "dtype": np.uint8}
    for got, kernel in run(x, weight, (5, 20), opts, **given):
        np.testing.assert_array_equal(got.T, q.finish(exact), err_msg=kernel)


def test_wide_columns() -> None:
    check_linear(17, 70_000, 3, 0.001, 1)
    check_u8(3, 70_000, 3, 0.001, 1)
    assert pack_unstructured(np.ones((1, 70_000), np.float32)).columns.dtype == np.uint32


def test_every_row_of_the_table_is_reached() -> None:
    seen = check_linear(20, 40, 16, 0.3, 1) | check_conv(WINDOWS[0], 16, 1, 0.3, 1)
    seen |= check_u8(20, 40, 16, 0.3, 1) | check_u8(20, 40, 16, 0.3, 1, np.float32)
    mine = [n for n in kernels.names() if "unstructured" in n or "slots" in n]
    assert seen == {n for n in mine if n.rsplit("_", 1)[1] in ISAS}


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 70), st.integers(1, 300), st.integers(1, 70), st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    st.integers(0, 999),
)  # fmt: skip
def test_any_linear_shape(rows: int, inputs: int, outputs: int, density: float, seed: int) -> None:
    check_linear(rows, inputs, outputs, density, seed, 1 + seed % 3)
    check_u8(rows, inputs, outputs, density, seed, np.uint8 if seed % 5 else np.float32, 1 + seed % 3)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_window(data: st.DataObject) -> None:
    def pair(low: int, high: int) -> tuple[int, int]:
        return data.draw(st.tuples(st.integers(low, high), st.integers(low, high)))

    groups, kernel, dilations = data.draw(st.integers(1, 3)), pair(1, 3), pair(1, 2)
    least = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    extra, pads = pair(0, 20), (*pair(0, 2), *pair(0, 2))
    size = (least[0] + extra[0], least[1] + extra[1])
    window = Window(groups * data.draw(st.integers(1, 4)), size, kernel, pair(1, 3), dilations, pads)
    outputs = groups * data.draw(st.integers(1, 12))
    check_conv(
        window, outputs, groups, data.draw(st.sampled_from([0.05, 0.5])), sum(size), data.draw(st.integers(1, 3))
    )
