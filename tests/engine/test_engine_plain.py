"""Operations over every dtype: the engine against NumPy (tests/plain.py), and what it does with a wrong index."""

import numpy as np
import pytest
from engine_graphs import run
from hypothesis import given, settings
from hypothesis import strategies as st

import plain
from apus.artifact import Array, Graph, Node, Value
from apus.artifact.operators import ELEMENTWISE, NUMBERS
from apus.errors import RunError


def graph_of(op: str, arrays: list[Array], y: Array, **attributes: object) -> tuple[Graph, dict[str, Array]]:
    names = [f"x{i}" for i in range(len(arrays))]
    values = {n: Value(a.dtype.name, list(a.shape)) for n, a in zip(names, arrays, strict=True)}
    values["y"] = Value(y.dtype.name, list(y.shape))
    node = Node(op, "node", names, ["y"], dict(attributes))
    return Graph("g", names, ["y"], values, [node]), dict(zip(names, arrays, strict=True))


def check(op: str, arrays: list[Array], **attributes: object) -> None:
    node = Node(op, "node", ["x"], ["y"], dict(attributes))
    want = plain.run(node, arrays)
    assert want is not None
    graph, feed = graph_of(op, arrays, want, **attributes)
    (got,) = run(graph, feed)
    np.testing.assert_allclose(got, want, rtol=2e-6 if got.dtype == np.float32 else 1e-12)


def sample(dtype: str, shape: tuple[int, ...], seed: int) -> Array:
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.startswith("float"):
        return (random.standard_normal(shape) * 3).astype(dtype)
    info = np.iinfo(dtype)
    edges = np.asarray([info.min, info.max, 0, 1, 2, 7, info.max // 3], dtype)
    return edges[random.integers(0, len(edges), shape)]


CASES = [(name, dtype) for name, row in ELEMENTWISE.items() for dtype in sorted(row.dtypes)]


@pytest.mark.parametrize(("function", "dtype"), CASES)
def test_every_function_over_every_dtype(function: str, dtype: str) -> None:
    shapes = [(3, 1, 5), (4, 1), (5,)]
    arrays = [sample(dtype, shape, seed) for seed, shape in enumerate(shapes[: ELEMENTWISE[function].operands])]
    if function == "where":
        arrays[0] = sample("bool", shapes[0], 0)
    if function == "pow" and dtype.startswith("int"):
        arrays[1] = np.abs(arrays[1] % 5).astype(dtype)
    check("elementwise", arrays, function=function)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    mask=st.lists(st.booleans(), min_size=8, max_size=8),
    dtype=st.sampled_from(sorted(NUMBERS)),
)
def test_broadcasting(shape: list[int], mask: list[bool], dtype: str) -> None:
    a = [1 if m else d for d, m in zip(shape, mask, strict=False)]
    b = [1 if m else d for d, m in zip(shape, mask[4:], strict=False)][len(shape) // 3 :]
    check("elementwise", [sample(dtype, tuple(a), 1), sample(dtype, tuple(b), 2)], function="add")


@pytest.mark.parametrize("dtype", sorted(NUMBERS))
@pytest.mark.parametrize("largest", [0, 1])
def test_along_an_axis(dtype: str, largest: int) -> None:
    x = np.random.default_rng(0).integers(0, 9, (3, 7, 4)).astype(dtype)
    for positions in (0, 1):
        check("top_k", [x], axis=1, k=4, largest=largest, positions=positions)
    check("cumulative", [x], function="sum", axis=2, exclusive=largest, reverse=1)
    check("arg", [x], function="max" if largest else "min", axis=0, keepdims=0, last=largest)


@pytest.mark.parametrize("index", [4, -5, 2**31])
def test_an_index_out_of_range_ends_in_an_error_and_the_next_run_is_right(index: int) -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    graph, feed = graph_of("gather", [x, np.asarray([index])], x[:1], axis=0)
    with pytest.raises(RunError, match=f"gather .node.: an index is out of range: {index}"):
        run(graph, feed)
    (y,) = run(graph, feed | {"x1": np.asarray([-1])})
    np.testing.assert_array_equal(y, x[-1:])
