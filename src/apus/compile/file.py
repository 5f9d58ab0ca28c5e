"""From an ONNX model to the `.apus` file: `apus.compile(...)`."""

import os
from pathlib import Path

from apus import artifact
from apus.artifact import Graph
from apus.compile.model import compile_model
from apus.compile.share import share
from apus.compile.source import Model, Prepared
from apus.errors import CompileError, RunError, UnsupportedOperatorError
from apus.runtime import usable_cores
from apus.runtime.foreign import INSTALL, installed

ALLOW = (None, "onnxruntime")


def compile_graph(
    model: Model | Prepared,
    *,
    precision: str = "fp32",
    shapes: dict[str, list[int]] | None = None,
    allow: str | None = None,
    threads: int | None = None,
) -> Graph:
    """What `compile_to_file` writes; its arguments.

    Args:
        model: a path, or the model itself, or what `prepare` made of one.
        precision: as for `compile_model`.
        shapes: as for `compile_model`.
        allow: `onnxruntime`, or nobody: the file then needs NumPy alone to run.
        threads: of both engines while they are measured; every usable core by default.

    Returns:
        The network, in parts if ONNX Runtime got some.

    Raises:
        RunError: `allow` names somebody else.
        UnsupportedOperatorError: names operator, node and fix.
    """
    if allow not in ALLOW:
        raise RunError(f"allow={allow!r}; give 'onnxruntime' or leave it out")
    if allow:
        return share(model, precision=precision, shapes=shapes, threads=threads or usable_cores())
    try:
        return compile_model(model, precision=precision, shapes=shapes)
    except UnsupportedOperatorError as error:
        how = "" if installed() else f" ({INSTALL})"
        raise UnsupportedOperatorError(f"{error}, or let ONNX Runtime run it: --allow onnxruntime{how}") from error


def compile_to_file(
    model: Model,
    output: str | os.PathLike[str] | None = None,
    *,
    precision: str = "fp32",
    shapes: dict[str, list[int]] | None = None,
    allow: str | None = None,
    threads: int | None = None,
) -> Path:
    """Compile a model and write its `.apus` file: `apus.compile(...)`.

    Args:
        model: a path, or the model itself.
        output: the file to write; by default the model's path with the suffix `.apus`.
        precision: as for `compile_model`.
        shapes: as for `compile_model`.
        allow: as for `compile_graph`: `onnxruntime` may run what the engine refuses, or runs slower here. The file
            records its parts, and whoever runs it needs ONNX Runtime.
        threads: as for `compile_graph`.

    Returns:
        The path of the file.

    Raises:
        CompileError: the model cannot be compiled, or has no path and `output` is missing.
    """
    if output is None:
        if not isinstance(model, str | os.PathLike):
            raise CompileError("say where to write: output= is needed for a model that is not a file")
        output = Path(model).with_suffix(".apus")
    graph = compile_graph(model, precision=precision, shapes=shapes, allow=allow, threads=threads)
    return artifact.write(graph, output)
