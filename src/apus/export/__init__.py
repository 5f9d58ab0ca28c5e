"""The hand-over from training to running: torch → standard ONNX, quantised layers as QDQ."""

from apus import _torch as _torch
from apus.export.bits import bytes_by_layer, to_bits
from apus.export.onnx_file import INPUT, OUTPUT, export
from apus.export.qdq import OPSET, to_qdq
from apus.export.voice import export_voice
from apus.export.wavegru import wavegru_arrays

__all__ = [
    "INPUT",
    "OPSET",
    "OUTPUT",
    "bytes_by_layer",
    "export",
    "export_voice",
    "to_bits",
    "to_qdq",
    "wavegru_arrays",
]
