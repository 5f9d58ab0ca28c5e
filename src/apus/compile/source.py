"""Where a model comes from: a path or a ModelProto, as onnx-ir, cleaned by onnx-ir's own passes."""

import difflib
import os
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx_ir.passes import Sequential
from onnx_ir.passes import common as standard

from apus.errors import CompileError

Model = str | os.PathLike[str] | onnx.ModelProto


def existing_file(path: str | os.PathLike[str]) -> Path:
    """`path` if it is a file; else an error that offers the nearest names in its folder.

    Args:
        path: what the user wrote.

    Returns:
        The same, as a Path.

    Raises:
        FileNotFoundError: no such file.
    """
    target = Path(path)
    if target.is_file():
        return target
    if target.is_dir():
        raise FileNotFoundError(f"{target} is a folder, not a file")
    folder = target.parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(target.name, names, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(str(folder / name) for name in close)}?" if close else ""
    missing = "" if folder.is_dir() else f" (nor is there a folder {folder})"
    raise FileNotFoundError(f"there is no file {target}{missing}{hint}")


def load(model: Model) -> tuple[ir.Model, str]:
    """The model and the name by which messages call it.

    Args:
        model: a path to an ONNX file (external data beside it is found), or the model itself.

    Returns:
        The model; its file name, or "<model>".

    Raises:
        CompileError: the file is no ONNX model.
        TypeError: `model` is neither path nor ModelProto.
    """
    if isinstance(model, onnx.ModelProto):
        return ir.serde.deserialize_model(model), "<model>"
    if not isinstance(model, str | os.PathLike):
        raise TypeError(f"model is a {type(model).__name__}; a path or an onnx.ModelProto is needed")
    path = existing_file(model)
    try:
        loaded = ir.load(path)
    except Exception as error:  # protobuf's own errors have no common base
        raise CompileError(f"{path}: not an ONNX model: {error}") from error
    if not loaded.opset_imports:
        raise CompileError(f"{path}: not an ONNX model: it imports no operator set")
    return loaded, path.name


def clean(model: ir.Model) -> None:
    """Inline functions, lift constants, and drop what is unused or done twice, all by onnx-ir's passes."""
    Sequential(
        standard.InlinePass(),
        standard.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        standard.RemoveInitializersFromInputsPass(),
        standard.RemoveUnusedNodesPass(),
        standard.DeduplicateInitializersPass(),
        standard.CommonSubexpressionEliminationPass(),
        standard.TopologicalSortPass(),
        standard.NameFixPass(),
    )(model)
