"""Post-training quantisation: an fp32 ONNX model to standard int8 QDQ, from calibration data alone."""

from apus.compile.post_training.settings import Settings
from apus.compile.post_training.static import quantize

__all__ = ["Settings", "quantize"]
