"""Run networks: the face of the C++ engine. Needs NumPy and nothing else."""

from apus.runtime.options import ExecutionMode, GraphOptimizationLevel, RunOptions, SessionOptions
from apus.runtime.processor import cpu, isa, isas, usable_cores
from apus.runtime.providers import get_all_providers, get_available_providers, get_device, set_default_logger_severity
from apus.runtime.session import InferenceSession, Session
from apus.runtime.signature import ModelMetadata, NodeArg
from apus.runtime.spectral import SpectralSynthesis
from apus.runtime.values import IOBinding, OrtValue
from apus.runtime.wavegru import WaveGRU, WaveGRUStream

__all__ = [
    "ExecutionMode",
    "GraphOptimizationLevel",
    "IOBinding",
    "InferenceSession",
    "ModelMetadata",
    "NodeArg",
    "OrtValue",
    "RunOptions",
    "Session",
    "SessionOptions",
    "SpectralSynthesis",
    "WaveGRU",
    "WaveGRUStream",
    "cpu",
    "get_all_providers",
    "get_available_providers",
    "get_device",
    "isa",
    "isas",
    "set_default_logger_severity",
    "usable_cores",
]
