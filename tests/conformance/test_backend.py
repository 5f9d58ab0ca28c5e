"""backend.py on the tests that ship with ONNX: no wrong answer, and no fewer right ones than before."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from benchmarks.onnx.operators import page
from benchmarks.onnx.suite import verdicts

from apus import backend
from apus.errors import CompileError

FLOOR = {"simple": 7, "pytorch-operator": 35, "pytorch-converted": 82, "node": 1500}


@pytest.mark.parametrize("kind", list(FLOOR))
def test_no_answer_is_wrong(kind: str) -> None:
    records = list(verdicts(kind, onnxruntime=False))
    wrong = [(r["name"], r["why"]) for r in records if r["native"] == "wrong"]
    counts = Counter(r["native"] for r in records)
    assert not wrong
    assert counts["right"] >= FLOOR[kind], counts


def test_the_page_of_operators_says_what_the_compiler_takes() -> None:
    mark = "## Refused"
    written = (Path(__file__).parents[2] / "docs" / "operators.md").read_text()
    assert written.split(mark)[0] == page([]).split(mark)[0], "docs/operators.md is stale: make bench-onnx"


RESHAPE = onnx.parser.parse_model(
    '<ir_version: 8, opset_import: ["": 17]> m (float[N] x, int64[2] s) => (float[A,B] y) { y = Reshape(x, s) }'
)


def test_an_input_may_decide_a_shape() -> None:
    rep = backend.prepare(RESHAPE)
    for shape in ((2, 3), (6, 1), (1, 6)):
        (y,) = rep.run([np.arange(6, dtype=np.float32), np.asarray(shape)])
        assert y.shape == shape


def test_only_the_cpu_is_offered() -> None:
    assert not backend.supports_device("CUDA:1")
    with pytest.raises(CompileError, match="device 'CUDA'"):
        backend.prepare(RESHAPE, "CUDA")


def test_the_page_says_every_reason_of_a_refusal() -> None:
    why = ["m: Cast node 'n1': from float32 to it", "m: Cast node 'n2': from float32 to it", "m: input 'x' is STRING"]
    records = [{"native": "refused", "operator": "Cast", "why": text} for text in why]
    last = page([*records, {"native": "right", "operator": "Abs", "why": ""}]).splitlines()[-1]
    assert last == "| Cast | 3 | Cast: from float32 to it (2); an input is STRING (1) |"
