"""The activations against double, within the bounds of their contract; the same bits on every ISA."""

import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import apus
from apus._native import isas, kernels
from apus.errors import RunError

ISAS = isas()
BOUNDS = kernels.activation_bounds()
IDS = [f"{name}-{'fast' if fast else 'accurate'}" for name, fast, _, _ in BOUNDS]
ALL = 2**32
PAGE = Path(__file__).parents[2] / "docs" / "activations.md"

each = pytest.mark.parametrize(("name", "fast"), [(name, fast) for name, fast, _, _ in BOUNDS], ids=IDS)


def sweep(isa: str, name: str, fast: bool, step: int, *, compare: bool = False, first: int = 0, count: int = 0):
    share, x, checksum = kernels.activation_sweep(
        isa=isa, name=name, fast=fast, first=first, count=count or ALL // step, step=step, compare=compare
    )
    assert share <= 1, f"{name} on {isa} at x = {x!r}: {share:.3g} of its bound"
    return checksum


@each
def test_bound_and_bits_on_a_sample(name: str, fast: bool) -> None:
    wanted = sweep(ISAS[-1], name, fast, 2039, compare=True)  # prime: every exponent, and all kinds of mantissa
    assert {sweep(isa, name, fast, 2039) for isa in ISAS} == {wanted}


@each
@pytest.mark.parametrize("isa", ISAS)
def test_bound_at_the_ends(isa: str, name: str, fast: bool) -> None:
    for x in (
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        3.4e38,
        -3.4e38,
        1e-39,
        -1e-39,
        88.72,
        88.72284,
        88.8,
        -87.4,
        7.0,
        -3.5,
    ):
        sweep(isa, name, fast, 1, compare=True, first=int(np.float32(x).view(np.uint32)), count=1)


@each
def test_a_bound_is_no_idle_promise(name: str, fast: bool) -> None:
    share, _, _ = kernels.activation_sweep(
        isa=ISAS[-1], name=name, fast=fast, first=0, count=ALL // 2039, step=2039, compare=True
    )
    assert share > 0.2


@pytest.mark.slow
@pytest.mark.timeout(3600)
@each
def test_bound_and_bits_on_every_float(name: str, fast: bool) -> None:
    parts, cores = 64, len(os.sched_getaffinity(0))

    def one(part: int) -> set[int]:
        span = {"first": part * (ALL // parts), "count": ALL // parts}
        return {sweep(isa, name, fast, 1, compare=isa == ISAS[-1], **span) for isa in ISAS}

    with ThreadPoolExecutor(cores) as pool:
        assert all(len(sums) == 1 for sums in pool.map(one, range(parts)))


def test_the_page_tells_these_bounds() -> None:
    told = re.findall(r"^\| `(\w+)` \| (\w+) \| (\S+) \| (\S+) \|", PAGE.read_text(), re.M)
    held = [(name, "fast" if fast else "accurate", *map(figure, bounds)) for name, fast, *bounds in BOUNDS]
    assert told == held


def figure(bound: float) -> str:
    return f"{bound:.1e}" if bound else "0"


def model(*steps: str) -> bytes:
    nodes = [helper.make_node(op, [f"x{i}"], [f"x{i + 1}"]) for i, op in enumerate(steps)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3, 64]) for name in ("x0", f"x{len(steps)}")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made)
    return made.SerializeToString()


@pytest.mark.parametrize(("op", "real"), [("Tanh", math.tanh), ("Erf", math.erf), ("Exp", math.exp)])
def test_a_session_is_accurate_or_fast(op: str, real) -> None:
    x = np.linspace(-3, 3, 192, dtype=np.float32).reshape(3, 64)
    want = np.vectorize(real)(x.astype(np.float64))
    runs = {a: apus.Session(model(op), accuracy=a, threads=1).run(None, {"x0": x})[0] for a in ("accurate", "fast")}
    np.testing.assert_array_equal(apus.Session(model(op), threads=1).run(None, {"x0": x})[0], runs["accurate"])
    assert abs(runs["accurate"] / want - 1).max() < 4e-7
    assert 4e-7 < abs(runs["fast"] - want).max() < 2e-4


def test_softmax_by_the_fast_exp() -> None:
    x = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32) * 4
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    want = e / e.sum(1, keepdims=True)
    y = apus.Session(model("Softmax"), accuracy="fast", threads=1).run(None, {"x0": x})[0]
    assert 1e-7 < abs(y / want - 1).max() < 2e-5


def test_a_model_that_is_compiled_when_fed_is_fast_too() -> None:
    x = np.linspace(-3, 3, 192, dtype=np.float32).reshape(3, 64)
    fixed, proto = model("Tanh"), onnx.load_model_from_string(model("Tanh"))
    reshape = helper.make_node("Reshape", ["x1", "shape"], ["y"])
    proto.graph.node.append(reshape)
    proto.graph.input.append(helper.make_tensor_value_info("shape", TensorProto.INT64, [2]))
    proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, ["A", "B"]))
    fed = apus.Session(proto, accuracy="fast", threads=1).run(None, {"x0": x, "shape": np.array([3, 64])})[0]
    np.testing.assert_array_equal(fed, apus.Session(fixed, accuracy="fast", threads=1).run(None, {"x0": x})[0])


def test_an_unknown_accuracy_is_named() -> None:
    with pytest.raises(RunError, match="accuracy='exact'; give one of accurate, fast"):
        apus.Session(model("Tanh"), accuracy="exact")
