"""segmented.py: a network in parts."""

from pathlib import Path
from threading import Thread

import numpy as np
import onnx
import pytest

import apus
from apus import _native, artifact
from apus.artifact import Graph, Node, Segment, Value
from apus.errors import CompileError, RunError
from apus.runtime.segmented import Segmented

HEAD = '<ir_version: 8, opset_import: ["": 17]>'
DOUBLE = onnx.parser.parse_model(
    f"{HEAD} m (float[N,2] b) => (float[N,2] c, float[N,2] d) {{ c = Add(b, b) d = Neg(b) }}"
)


def part(function: str, x: str, y: str) -> bytes:
    values = {name: Value("float32", ["N", 2]) for name in (x, y)}
    return artifact.to_bytes(Graph("p", [x], [y], values, [Node("unary", y, [x], [y], {"function": function})]))


def network(middle: bytes = DOUBLE.SerializeToString()) -> bytes:
    graph = Graph("parts", ["a"], ["e", "d"], {name: Value("float32", ["N", 2]) for name in "abcde"})
    graph.segments = [
        Segment("apus", ["a"], ["b"], part("relu", "a", "b"), 1),
        Segment("onnxruntime", ["b"], ["c", "d"], middle, 2, "because"),
        Segment("apus", ["c"], ["e"], part("neg", "c", "e"), 1),
    ]
    return artifact.to_bytes(graph)


def test_parts_run_one_after_another() -> None:
    session = apus.Session(network(), threads=1)
    a = np.asarray([[1, -2], [3, 4]], np.float32)
    e, d = session.run(None, {"a": a})
    np.testing.assert_array_equal(e, -2 * np.maximum(a, 0))
    np.testing.assert_array_equal(d, -np.maximum(a, 0))
    rows = session.profile({"a": a}, 3)
    assert [row["kernel"] == "onnxruntime" for row in rows] == [False, True, False]
    assert rows[1]["why"] == "because" and rows[1]["nodes"] == 2
    assert [row["op"] for row in session.plan({"a": [5, 2]})] == ["unary", "onnxruntime", "unary"]


def test_threads_share_it() -> None:
    session = apus.Session(network())
    wrong: list[int] = []

    def work(seed: int) -> None:
        a = np.random.default_rng(seed).standard_normal((1 + seed % 3, 2)).astype(np.float32)
        for _ in range(50):
            if not np.array_equal(session.run(["e"], {"a": a})[0], -2 * np.maximum(a, 0)):
                wrong.append(seed)

    workers = [Thread(target=work, args=[seed]) for seed in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_the_engine_alone_refuses_with_the_fix() -> None:
    model = _native.Model.from_bytes(network())
    assert [nodes for *_, nodes, _ in model.segments] == [1, 2, 1]
    assert isinstance(Segmented(model, 1, deterministic=True), Segmented)
    with pytest.raises(RunError, match=r"parts for ONNX Runtime.*open it in Python with onnxruntime"):
        _native.Session(model, 1)


def test_a_part_that_is_no_onnx_model_is_an_error() -> None:
    with pytest.raises(CompileError, match="ONNX Runtime refuses 2 nodes"):
        apus.Session(network(b"not a model"))


def test_a_file_with_parts_for_onnxruntime_is_refused_where_nothing_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "parts.apus"
    path.write_bytes(network())
    with pytest.raises(RunError, match=r"parts.apus: 2 nodes of this network.*allow='nothing' forbids"):
        apus.Session(path, allow="nothing")
    with pytest.raises(RunError, match=r"^2 nodes"):
        apus.Session(network(), allow="nothing")
    alone = apus.Session(part("relu", "a", "b"), allow="nothing")
    assert alone.run(None, {"a": np.ones((1, 2), np.float32)})[0].shape == (1, 2)
