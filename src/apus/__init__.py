"""Apus makes trained networks cheap: to train, to store, and to run on a CPU.

Importing it imports nothing but itself; each name below loads its part of the house when it is first used, so a
machine that only runs models needs neither PyTorch nor ONNX.

`Session` is shaped like ONNX Runtime's `InferenceSession`: in a script that only infers,
`import apus as onnxruntime` is the whole change.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apus import compile, compress, errors
    from apus.compile.post_training import quantize
    from apus.data.diagnosis import diagnose
    from apus.data.echo_loader import echo
    from apus.runtime import (
        ExecutionMode,
        GraphOptimizationLevel,
        InferenceSession,
        NodeArg,
        OrtValue,
        RunOptions,
        Session,
        SessionOptions,
        get_all_providers,
        get_available_providers,
        get_device,
        isa,
        isas,
        set_default_logger_severity,
    )

__version__ = "0.1.0"

__all__ = [
    "ExecutionMode",
    "GraphOptimizationLevel",
    "InferenceSession",
    "NodeArg",
    "OrtValue",
    "RunOptions",
    "Session",
    "SessionOptions",
    "__version__",
    "compile",
    "compress",
    "diagnose",
    "echo",
    "errors",
    "get_all_providers",
    "get_available_providers",
    "get_device",
    "isa",
    "isas",
    "quantize",
    "set_default_logger_severity",
]

_PACKAGES = {"artifact", "bench", "compile", "compress", "data", "errors", "export", "models", "runtime", "techniques"}
_PACKAGES |= {"training"}
_ELSEWHERE = {
    "diagnose": "apus.data.diagnosis",
    "echo": "apus.data.echo_loader",
    "quantize": "apus.compile.post_training",
}


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"apus.{name}")
    if name in __all__:
        value = getattr(import_module(_ELSEWHERE.get(name, "apus.runtime")), name)
        globals()[name] = value  # the next look-up does not come here
        return value
    raise AttributeError(f"module 'apus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(__all__) | _PACKAGES)
