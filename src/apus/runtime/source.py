"""Where a session's network comes from: an `.apus` file or bytes, or an ONNX model that is compiled in memory."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from apus import _native
from apus._files import existing_file, write_atomically
from apus.errors import CompileError, MissingExtraError

MAGIC = b"\x89APUS\r\n\x1a"

Source: TypeAlias = str | os.PathLike[str] | bytes | Any
"""A path, the bytes of an `.apus` or ONNX file, or an `onnx.ModelProto`."""


def open_model(source: Source, *, precision: str = "fp32", save: str = "") -> _native.Model:
    """The engine's model.

    Args:
        source: told apart by content: a file that starts with the magic of `.apus` is run as it is.
        precision: precision of floating-point layers, when `source` is an ONNX model.
        save: where to write the compiled model; nowhere when empty.

    Returns:
        The model, checked.

    Raises:
        FileNotFoundError: there is no such file; names the nearest.
    """
    if isinstance(source, str | os.PathLike):
        path = existing_file(source)
        if _is_apus(path):
            return _native.Model.from_file(str(path))
        source = path
    elif isinstance(source, bytes | bytearray | memoryview):
        source = bytes(source)
        if source.startswith(MAGIC):
            return _native.Model.from_bytes(source)
    data = _compiled(source, precision)
    if save:
        write_atomically(save, data)
    return _native.Model.from_bytes(data)


def _is_apus(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".apus" or file.read(len(MAGIC)) == MAGIC


def _compiled(source: Any, precision: str) -> bytes:
    """Compile with the layer above, which a machine that only runs `.apus` files does not have."""
    try:
        compile_package = import_module("apus.compile")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("apus"):
            raise
        raise MissingExtraError(
            f"to run ONNX models, {error.name} is needed: pip install 'apus-ml[compile]'"
        ) from error
    model = _parsed(source) if isinstance(source, bytes) else source
    data: bytes = compile_package.to_bytes(model, precision=precision)
    return data


def _parsed(content: bytes) -> Any:
    """An `onnx.ModelProto`; protobuf's DecodeError has no public base in every version, so any failure is one."""
    try:
        return import_module("onnx").load_model_from_string(content)
    except Exception as error:
        raise CompileError(f"these {len(content)} bytes are neither an .apus file nor an ONNX model") from error
