"""Post-training quantisation: an fp32 ONNX model to standard int8 QDQ, from calibration data alone."""

from apus.compile.post_training.quantize import quantize
from apus.compile.post_training.settings import Settings

__all__ = ["Settings", "quantize"]
