"""Write a small network as `model.apus`, inputs and outputs as `expected.npz`, for a venv with NumPy alone."""

import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import apus


def network(rng: np.random.Generator) -> onnx.ModelProto:
    """A convolution and a linear layer, float32, batch 1."""
    constants = {
        "w": rng.standard_normal((16, 3, 3, 3), np.float32),
        "v": rng.standard_normal((10, 16 * 6 * 6), np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[0, 0, 0, 0]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"]),
        helper.make_node("Gemm", ["c", "v"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "bare",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


if __name__ == "__main__":
    folder, rng = Path(sys.argv[1]), np.random.default_rng(0)
    model, x = network(rng), rng.standard_normal((1, 3, 8, 8), np.float32)
    apus.compile(model, folder / "model.apus")
    np.savez(folder / "model.npz", x=x, y=ReferenceEvaluator(model).run(None, {"x": x})[0])
    student = Path("runs/images/student.apus")
    if student.exists():  # after `make demo`: the real thing as well
        x = rng.random((16, 1, 28, 28), np.float32)
        shutil.copy(student, folder)
        np.savez(folder / "student.npz", x=x, y=apus.Session(student.with_suffix(".onnx")).run(None, {"input": x})[0])
