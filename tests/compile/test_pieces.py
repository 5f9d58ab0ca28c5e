"""pieces.py: nodes cut out of a model."""

import numpy as np
from agreement import onnxruntime_outputs, text_model

from apus.compile.pieces import inferred, piece, reads, seen

BRANCH = text_model(
    "m (float[2] x, bool c) => (float[2] y) <float[2] w = {1, 2}>"
    " { a = Add(x, w)  b = If(c) <then_branch = t () => (float[2] p) { p = Relu(a) },"
    " else_branch = e () => (float[2] q) { q = Neg(x) }>  y = Mul(b, w) }"
)


def test_the_pieces_of_a_model_run_one_after_another_are_the_model() -> None:
    feed = {"x": np.asarray([-1, 5], np.float32), "c": np.asarray(True)}
    known = dict(feed)
    for place in range(3):
        types = inferred(BRANCH) | seen(known, inferred(BRANCH))
        part = piece(BRANCH, place, place + 1, types, known, ["y"])
        names = [value.name for value in part.graph.input]
        results = onnxruntime_outputs(part, {name: known[name] for name in names})
        known |= dict(zip([value.name for value in part.graph.output], results, strict=True))
    np.testing.assert_array_equal(known["y"], onnxruntime_outputs(BRANCH, feed)[0])


def test_a_node_reads_what_its_bodies_read() -> None:
    assert set(reads(BRANCH.graph.node[1])) >= {"c", "a", "x"}
