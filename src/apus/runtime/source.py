"""Where a session's network comes from: an `.apus` file or bytes, or an ONNX model that is compiled in memory."""

import json
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from apus import _native
from apus._files import existing_file, write_atomically
from apus.errors import CompileError, MissingExtraError, RunError
from apus.runtime.foreign import INSTALL, installed
from apus.runtime.segmented import Segmented
from apus.runtime.signature import Described

MAGIC = b"\x89APUS\r\n\x1a"

Source: TypeAlias = str | os.PathLike[str] | bytes | Any
"""A path, the bytes of an `.apus` or ONNX file, or an `onnx.ModelProto`."""


Network: TypeAlias = _native.Model
"""A network that has been read and checked; a session takes it too."""

ALLOW = (None, "onnxruntime", "nothing")
ACCURACIES = ("accurate", "fast")
PRECISIONS = ("fp32", "bf16")


class Opened(NamedTuple):
    """A network that is ready: name, dtype and shape of each end, its metadata as JSON, and what runs it."""

    inputs: Sequence[Described]
    outputs: Sequence[Described]
    metadata: str
    engine: Any


def open_network(
    source: Source,
    *,
    threads: int,
    deterministic: bool = False,
    accuracy: str = "accurate",
    precision: str = "fp32",
    allow: str | None = None,
    save: str = "",
) -> Opened:
    """Read or compile a network, and bind it to the engine.

    Args:
        source: told apart by content: a file that starts with the magic of `.apus` is run as it is.
        threads: threads per layer.
        deterministic: as `deterministic_plan` of a session.
        accuracy: as of a session.
        precision: precision of floating-point layers, when `source` is an ONNX model.
        allow: as of a session.
        save: where to write the compiled model; nowhere when empty.

    Returns:
        The network.

    Raises:
        FileNotFoundError: there is no such file; names the nearest.
        RunError: an argument is wrong, the file has another precision, or it has parts for ONNX Runtime and `allow`
            is `nothing`.
    """
    if allow not in ALLOW:
        raise RunError(f"allow={allow!r}; give 'onnxruntime' or 'nothing', or leave it out")
    if accuracy not in ACCURACIES:
        raise RunError(f"accuracy={accuracy!r}; give one of {', '.join(ACCURACIES)}")
    if isinstance(source, str | os.PathLike):
        path = existing_file(source)
        if _is_apus(path):
            opened = _native.Model.from_file(str(path))
            _check_precision(opened, precision, f"{path}: ")
            return _bound(opened, threads, deterministic, accuracy, allow, f"{path}: ")
        source = path
    elif isinstance(source, bytes | bytearray | memoryview):
        source = bytes(source)
        if source.startswith(MAGIC):
            opened = _native.Model.from_bytes(source)
            _check_precision(opened, precision)
            return _bound(opened, threads, deterministic, accuracy, allow)
    elif isinstance(source, _native.Model):
        return _bound(source, threads, deterministic, accuracy, allow)
    made = _compiled(
        source,
        precision=precision,
        threads=threads,
        deterministic=deterministic,
        accuracy=accuracy,
        helped=_may_help(allow),
        faster=allow == "onnxruntime",
    )
    if not isinstance(made, bytes):
        if save:
            raise RunError(f"{save}: this model is compiled when it is fed, so nothing can be written; fix its shapes")
        return Opened(made.inputs, made.outputs, "", made)
    if save:
        write_atomically(save, made)
    return _bound(_native.Model.from_bytes(made), threads, deterministic, accuracy)


def read_beside(data: bytes, others: Sequence[Network]) -> Network:
    """Read an `.apus` file's bytes, without holding twice what other networks hold already.

    Args:
        data: the whole file.
        others: networks with some weights in common, which may be dropped afterwards.

    Returns:
        The network.
    """
    return _native.Model.from_bytes(data, list(others))


def _bound(
    model: _native.Model,
    threads: int,
    deterministic: bool,
    accuracy: str,
    allow: str | None = None,
    file: str = "",
) -> Opened:
    if model.segments:
        theirs = sum(nodes for part, *_, nodes, _ in model.segments if part is None)
        if theirs and allow == "nothing":
            raise RunError(
                f"{file}{theirs} nodes of this network were given to ONNX Runtime when it was compiled, which"
                " allow='nothing' forbids: leave that out, or compile the ONNX model anew without --allow onnxruntime"
            )
        engine: Any = Segmented(model, threads, deterministic=deterministic, accuracy=accuracy)
    else:
        engine = _native.Session(model, threads, deterministic=deterministic, fast=accuracy == "fast")
    return Opened(model.inputs, model.outputs, model.metadata, engine)


def _check_precision(model: _native.Model, precision: str, file: str = "") -> None:
    """Refuse another than `fp32`, the default, that the file was not compiled in."""
    if precision != "fp32" and json.loads(model.metadata).get("precision") != precision:
        raise RunError(
            f"{file}this file has its precision already, which is not {precision!r}: compile the ONNX model anew"
        )


def _may_help(allow: str | None) -> bool:
    if allow == "onnxruntime" and not installed():
        raise MissingExtraError(f"allow='onnxruntime', which is not installed: {INSTALL}")
    return allow != "nothing" and installed()


def _is_apus(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".apus" or file.read(len(MAGIC)) == MAGIC


def _compiled(source: Any, **options: Any) -> Any:
    """Compile with the layer above, which a machine that only runs `.apus` files does not have."""
    try:
        fed = import_module("apus.compile.fed")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("apus"):
            raise
        raise MissingExtraError(
            f"to run ONNX models, {error.name} is needed: pip install 'apus-ml[compile]'"
        ) from error
    model = _parsed(source) if isinstance(source, bytes) else source
    return fed.ready(model, **options)


def _parsed(content: bytes) -> Any:
    """An `onnx.ModelProto`; protobuf's DecodeError has no public base in every version, so any failure is one."""
    try:
        return import_module("onnx").load_model_from_string(content)
    except Exception as error:
        raise CompileError(f"these {len(content)} bytes are neither an .apus file nor an ONNX model") from error
