"""A user's script for ONNX Runtime; the test changes its import line and nothing else."""

import sys

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
options.log_severity_level = 3
options.add_session_config_entry("session.intra_op.allow_spinning", "1")

available = onnxruntime.get_available_providers()
providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
session = onnxruntime.InferenceSession(sys.argv[1], sess_options=options, providers=providers)

feed = {}
draw = np.random.default_rng(7)
for value in session.get_inputs():
    shape = [size if isinstance(size, int) else 4 for size in value.shape]
    assert value.type == "tensor(float)", value.type
    feed[value.name] = draw.standard_normal(shape).astype(np.float32)

names = [value.name for value in session.get_outputs()]
results = session.run(names, feed)
everything = session.run(None, feed, onnxruntime.RunOptions())
assert all(np.array_equal(a, b) for a, b in zip(results, everything, strict=True))
np.savez(sys.argv[2], **dict(zip(names, results, strict=True)))
print(session.get_providers()[0], [value.shape for value in session.get_outputs()])
