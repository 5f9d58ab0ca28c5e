"""Softmax and normalisations, alone, against ONNX Runtime."""

import numpy as np
import pytest
from agreement import check, ops, text_model

from apus.compile import compile_model
from apus.errors import CompileError

X = "(float[N,4,6] x) => (float[A,B,C] y)"
IMAGE = "(float[N,4,8,8] x) => (float[A,B,C,D] y)"
ROWS = "(float[N,8] x) => (float[A,B] y)"


@pytest.mark.parametrize("opset", [11, 17])
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_softmax_old_and_new(opset: int, axis: int) -> None:
    check(text_model(f"m (float[N,4,6] x) => (float[N,4,6] y) {{ y = Softmax <axis = {axis}> (x) }}", opset))


def test_log_softmax_stays_finite() -> None:
    model = text_model(f"m {ROWS} {{ y = LogSoftmax(x) }}")
    check(model, {"x": np.array([[1000, 0, -1000, 3, 4, 5, 6, 7]], np.float32)})


def test_layer_and_instance_normalisation() -> None:
    constants = "<float[6] g = {1,2,3,4,5,6}, float[6] b = {6,5,4,3,2,1}>"
    check(text_model(f"m {X} {constants} {{ y = LayerNormalization <axis = -1, epsilon = 0.01> (x, g, b) }}"))
    constants = "<float[4] g = {1,2,3,4}, float[4] b = {4,3,2,1}>"
    check(text_model(f"m {X} {constants} {{ y = InstanceNormalization(x, g, b) }}"))


@pytest.mark.parametrize(
    ("operator", "opset"), [("InstanceNormalization", 17), ("GroupNormalization <num_groups = 4>", 21)]
)
def test_as_many_channels_as_places_are_no_layer_norm(operator: str, opset: int) -> None:
    constants = "<float[4] g = {1,2,3,4}, float[4] b = {4,3,2,1}>"
    check(text_model(f"m (float[2,4,4] x) => (float[2,4,4] y) {constants} {{ y = {operator} (x, g, b) }}", opset))


@pytest.mark.parametrize("shape", ["N,4,5,3", "N,4,7", "2,4,T"])
def test_group_normalisation(shape: str) -> None:
    constants = "<float[4] g = {1,2,3,4}, float[4] b = {4,3,2,1}>"
    body = "{ y = GroupNormalization <num_groups = 2, epsilon = 0.01> (x, g, b) }"
    out = "A,B,C,D" if shape.count(",") == 3 else "A,B,C"
    check(text_model(f"m (float[{shape}] x) => (float[{out}] y) {constants} {body}", 21))


def test_group_normalisation_that_does_not_fit_is_refused() -> None:
    model = "m (float[N,4,7] x) => (float[A,B,C] y) <float[2] g = {1,2}, float[2] b = {2,1}>"
    with pytest.raises(CompileError, match=r"2 scales for 4 channels.*opset 21"):
        compile_model(text_model(f"{model} {{ y = GroupNormalization <num_groups = 2> (x, g, b) }}", 21))
    with pytest.raises(CompileError, match="4 channels cannot be parted into 3 groups"):
        compile_model(text_model(f"{model} {{ y = GroupNormalization <num_groups = 3> (x, g, b) }}", 21))


def test_batch_normalisation_alone() -> None:
    constants = (
        "<float[4] g = {1,2,3,4}, float[4] b = {4,3,2,1}, float[4] m = {0.1,0.2,0.3,0.4}, float[4] v = {1,2,3,4}>"
    )
    graph = check(text_model(f"m {IMAGE} {constants} {{ y = BatchNormalization(x, g, b, m, v) }}"))
    assert ops(graph) == ["binary", "binary"]
