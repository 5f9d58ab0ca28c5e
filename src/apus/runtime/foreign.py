"""ONNX Runtime, for the parts of a network that it runs: optional, and imported only when such a part is opened."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from apus.errors import CompileError, MissingExtraError, RunError

INSTALL = "pip install onnxruntime"


def installed() -> bool:
    """Whether ONNX Runtime can be imported here."""
    try:
        return find_spec("onnxruntime") is not None
    except ValueError:  # a module that stands in sys.modules as None
        return False


class Foreign:
    """A part of a network in ONNX Runtime.

    Args:
        model: the part, a whole ONNX file.
        threads: that it may use; 0 for as many as it likes.
        what: operators or nodes, for messages.
        alone: whether nothing else computes beside it, so that its threads may spin while they wait.

    Raises:
        CompileError: ONNX Runtime refuses the part.
        MissingExtraError: it is not installed.
    """

    def __init__(self, model: bytes, threads: int, what: str, alone: bool = False) -> None:
        self.what = what
        try:
            runtime = import_module("onnxruntime")
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"the engine cannot run {what}; ONNX Runtime might: {INSTALL}") from error
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        if not alone:
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no public base
            raise CompileError(f"ONNX Runtime refuses {what} too: {error}") from error

    def run(self, feed: dict[str, Any]) -> list[Any]:
        """Run once.

        Args:
            feed: an array, or a list of arrays for a sequence, per input of the part.

        Returns:
            What it gives, in the part's order.

        Raises:
            RunError: it fails.
        """
        try:
            return list(self._session.run(None, feed))
        except Exception as error:
            raise RunError(f"ONNX Runtime cannot run its part, {self.what}: {error}") from error
