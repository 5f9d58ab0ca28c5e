"""ONNX → `.apus`: `apus.compile("model.onnx")` writes `model.apus`.

source.py loads and cleans (onnx-ir) · lower/ one file per family of operators · passes/ one file per pass · pack.py
"""

from apus._verb import make_callable
from apus.errors import MissingExtraError

try:
    import onnx as _onnx  # noqa: F401
    import onnx_ir as _onnx_ir  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(f"compiling ONNX needs {_error.name}: pip install 'apus-ml[compile]'") from _error

from apus.compile.file import compile_graph, compile_to_file
from apus.compile.lower import supported
from apus.compile.model import compile_model, to_bytes
from apus.compile.passes import PASSES

__verb__ = compile_to_file
make_callable(__name__)

__all__ = ["PASSES", "compile_graph", "compile_model", "compile_to_file", "supported", "to_bytes"]
