"""The hand-over from training to running: torch → standard ONNX, quantised layers as QDQ."""

from apus.export.onnx_file import INPUT, OUTPUT, export
from apus.export.qdq import OPSET, to_qdq

__all__ = ["INPUT", "OPSET", "OUTPUT", "export", "to_qdq"]
