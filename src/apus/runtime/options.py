"""Session options by ONNX Runtime's names.

An option that cannot change what a run returns is accepted. One that would change it, and that the engine does not
offer, is refused with the way to get the same here: nothing that you asked for is dropped in silence.
"""

from enum import IntEnum
from operator import index
from pathlib import Path
from typing import Any, SupportsIndex

from apus.errors import RunError


class ExecutionMode(IntEnum):
    """Accepted and without effect: the engine runs layers one after another, each on all threads."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class GraphOptimizationLevel(IntEnum):
    """Accepted and without effect: a model is always optimised when it is compiled, within the stated bound."""

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class SessionOptions:
    """Options of a session. `intra_op_num_threads` counts the threads of a layer; 0 takes every usable core."""

    __slots__ = (
        "_config",
        "_dimensions",
        "enable_cpu_mem_arena",
        "enable_mem_pattern",
        "enable_mem_reuse",
        "enable_profiling",
        "execution_mode",
        "execution_order",
        "graph_optimization_level",
        "inter_op_num_threads",
        "intra_op_num_threads",
        "log_severity_level",
        "log_verbosity_level",
        "logid",
        "optimized_model_filepath",
        "profile_file_prefix",
        "use_deterministic_compute",
        "use_per_session_threads",
    )

    def __init__(self) -> None:
        self._config: dict[str, str] = {}
        self._dimensions: dict[str, int] = {}
        self.enable_cpu_mem_arena = self.enable_mem_pattern = self.enable_mem_reuse = True
        self.enable_profiling = False
        self.execution_mode, self.execution_order = ExecutionMode.ORT_SEQUENTIAL, 0
        self.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
        self.intra_op_num_threads = self.inter_op_num_threads = 0
        self.log_severity_level, self.log_verbosity_level, self.logid = -1, 0, ""
        self.optimized_model_filepath, self.profile_file_prefix = "", ""
        self.use_deterministic_compute = self.use_per_session_threads = True

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Keep a free-form entry; refused when it would change results.

        Args:
            key: name of the entry.
            value: its value.

        Raises:
            RunError: the entry changes results.
        """
        if key == "session.set_denormal_as_zero" and value != "0":
            raise RunError(
                f"session option {key}={value} changes results, and the engine keeps denormals; leave it out"
            )
        self._config[key] = value

    def get_session_config_entry(self, key: str) -> str:
        """The value given for `key`.

        Args:
            key: name of the entry.

        Returns:
            Its value.

        Raises:
            RunError: `key` was not set.
        """
        if key not in self._config:
            raise RunError(f"session option {key!r} was not set")
        return self._config[key]

    def add_free_dimension_override_by_name(self, name: str, size: int) -> None:
        """Fix the symbolic dimension `name` to `size`; another size in a feed is then an error."""
        self._dimensions[name] = int(size)

    @property
    def free_dimensions(self) -> dict[str, int]:
        """Symbolic dimensions fixed so far."""
        return dict(self._dimensions)

    def add_initializer(self, name: str, value: Any) -> None:
        """Not offered.

        Args:
            name: of the constant.
            value: of the constant.

        Raises:
            RunError: always.
        """
        raise RunError(f"add_initializer({name!r}) is not offered: put the constant into the ONNX model")

    def register_custom_ops_library(self, path: str) -> None:
        """Not offered.

        Args:
            path: of the library.

        Raises:
            RunError: always.
        """
        raise RunError(f"custom operators ({path}) are not offered: the model must use ONNX's own operators")


class RunOptions:
    """Options of one run; all accepted, since none changes a result here."""

    __slots__ = ("log_severity_level", "log_verbosity_level", "logid", "only_execute_path_to_fetches", "terminate")

    def __init__(self) -> None:
        self.log_severity_level, self.log_verbosity_level, self.logid = -1, 0, ""
        self.only_execute_path_to_fetches = self.terminate = False

    def add_run_config_entry(self, key: str, value: str) -> None:
        """Accepted and without effect."""


def check_options(options: SessionOptions) -> None:
    """Refuse the options that the engine cannot honour.

    Args:
        options: of a session to be.

    Raises:
        RunError: these are another library's options, profiling or an optimised ONNX file was asked for, or a number of
            threads that is none.
    """
    if not isinstance(options, SessionOptions):
        kind = type(options)
        raise RunError(f"sess_options is a {kind.__module__}.{kind.__name__}; make it with apus.SessionOptions()")
    if options.enable_profiling:
        raise RunError("enable_profiling writes ONNX Runtime's trace; here call session.profile(feed) instead")
    saved = options.optimized_model_filepath
    if saved and Path(saved).suffix != ".apus":
        raise RunError(
            f"optimized_model_filepath={saved!r}: the optimised model is an .apus file; end the name in .apus"
        )
    if check_threads("intra_op_num_threads", options.intra_op_num_threads) < 0:
        raise RunError(f"intra_op_num_threads={options.intra_op_num_threads}; give 0 (every usable core) or more")


def check_threads(name: str, threads: object) -> int:
    """A number of threads, or an error that says what came instead.

    Args:
        name: of the argument, for the message.
        threads: what the user gave.

    Returns:
        The same.

    Raises:
        RunError: it is no whole number.
    """
    if isinstance(threads, bool) or not isinstance(threads, SupportsIndex):
        raise RunError(f"{name}={threads!r} is a {type(threads).__name__}; give a whole number of threads, such as 2")
    return index(threads)
