"""Every row of conv_unstructured, over images and over rows of a linear layer, against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import ISAS, Guarded, Window, kernels, options

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


def run(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, shape: tuple[int, int], parts: int, **where) -> set[str]:
    """Names of the kernels that ran; `shape` is y's, [M, positions] or [N, M]."""
    want, bound, window, rows, groups = (where[k] for k in ("want", "bound", "window", "rows", "groups"))
    packed, seen = pack_unstructured(weight), set()
    for isa in ISAS:
        y = Guarded(int(np.prod(shape)), np.float32)
        said = kernels.unstructured(
            x, y.array, window, rows, [*weight.shape, groups], packed.strips, packed.columns, packed.values, bias,
            options(isa, -1, 6, parts=parts),
        )  # fmt: skip
        assert ISAS.index(said["isa"]) <= ISAS.index(isa)
        got = y.check().reshape(shape)
        assert (abs(got - want) <= bound).all(), said["kernel"]
        seen.add(said["kernel"])
    return seen


def check_linear(rows: int, inputs: int, outputs: int, density: float, seed: int, parts: int = 1) -> set[str]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, inputs)).astype(np.float32)
    weight, bias = weights(rng, outputs, inputs, density), rng.standard_normal(outputs).astype(np.float32)
    want = np.clip(x.astype(np.float64) @ weight.T.astype(np.float64) + bias, -1, 6)
    bound = (inputs + 2) * 2.0**-23 * (abs(x).astype(np.float64) @ abs(weight).T + abs(bias))
    return run(
        x, weight, bias, (rows, outputs), parts, want=want, bound=bound, window=[], rows=rows, groups=1
    )  # fmt: skip


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
    return run(
        x, weight, bias, want.shape, parts, want=want, bound=bound, window=window.flat(), rows=0, groups=groups
    )  # fmt: skip


@pytest.mark.parametrize("outputs", [1, 3, 4, 5, 70])
@pytest.mark.parametrize("rows", [0, 1, 4, 15, 16, 17, 32, 33, 40, 64, 65])
def test_linear_shapes(rows: int, outputs: int) -> None:
    for inputs in (1, 3, 64):
        check_linear(rows, inputs, outputs, 0.3, rows + outputs)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("window", WINDOWS)
def test_windows(window: Window, groups: int) -> None:
    check_conv(window, 10, groups, 0.3, 1)


@pytest.mark.parametrize("density", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("parts", [1, 2, 3, 40])
def test_parts_and_densities(parts: int, density: float) -> None:
    check_linear(20, 131, 50, density, 1, parts)
    check_linear(200, 31, 50, density, 1, parts)
    check_conv(WINDOWS[1], 24, 2, density, 2, parts)


def test_results_do_not_depend_on_the_parts() -> None:
    rng = np.random.default_rng(0)
    for rows, isa in [(rows, isa) for rows in (17, 100, 300) for isa in ISAS]:
        x, weight = rng.standard_normal((rows, 90)).astype(np.float32), weights(rng, 40, 90, 0.4)
        packed, found = pack_unstructured(weight), set()
        for parts in (1, 2, 3, 5):
            y = np.zeros(rows * 40, np.float32)
            shape = [40, 90, 1]
            opts = options(isa, parts=parts)
            arrays = (packed.strips, packed.columns, packed.values, None)
            said = kernels.unstructured(x, y, [], rows, shape, *arrays, opts)
            assert said["imbalance"] <= 0.05 or rows == 17
            found.add(y.tobytes())
        assert len(found) == 1, (rows, isa)


def test_wide_columns() -> None:
    check_linear(17, 70_000, 3, 0.001, 1)
    assert pack_unstructured(np.ones((1, 70_000), np.float32)).columns.dtype == np.uint32


def test_every_row_of_the_table_is_reached() -> None:
    seen = check_linear(20, 40, 16, 0.3, 1) | check_conv(WINDOWS[0], 16, 1, 0.3, 1)
    assert seen == {n for n in kernels.names() if "unstructured" in n and n.rsplit("_", 1)[1] in ISAS}


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 70), st.integers(1, 300), st.integers(1, 70), st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    st.integers(0, 999),
)  # fmt: skip
def test_any_linear_shape(rows: int, inputs: int, outputs: int, density: float, seed: int) -> None:
    check_linear(rows, inputs, outputs, density, seed, 1 + seed % 3)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_window(data: st.DataObject) -> None:
    pair = lambda low, high: data.draw(st.tuples(st.integers(low, high), st.integers(low, high)))  # noqa: E731
    groups, kernel, dilations = data.draw(st.integers(1, 3)), pair(1, 3), pair(1, 2)
    least = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    extra, pads = pair(0, 20), (*pair(0, 2), *pair(0, 2))
    size = (least[0] + extra[0], least[1] + extra[1])
    window = Window(groups * data.draw(st.integers(1, 4)), size, kernel, pair(1, 3), dilations, pads)
    outputs = groups * data.draw(st.integers(1, 12))
    check_conv(
        window, outputs, groups, data.draw(st.sampled_from([0.05, 0.5])), sum(size), data.draw(st.integers(1, 3))
    )
