"""Where a model comes from: a path or a ModelProto, as onnx-ir, cleaned by onnx-ir's own passes."""

import os
from pathlib import Path
from typing import NamedTuple

import onnx
import onnx_ir as ir
from onnx_ir.passes import Sequential
from onnx_ir.passes import common as standard

from apus._files import existing_file
from apus.compile.zero_states import drop_zero_states
from apus.errors import CompileError


class Prepared(NamedTuple):
    """A loaded and cleaned model, the name by which messages call it, and its bytes: may be compiled many times."""

    model: ir.Model
    file: str
    bytes: int


Model = str | os.PathLike[str] | onnx.ModelProto


def prepare(model: Model | Prepared) -> Prepared:
    """Load and clean a model, unless that was done before.

    Args:
        model: as for `load`, or what this function gave.

    Returns:
        The model.

    Raises:
        CompileError: this is no ONNX model.
    """
    if isinstance(model, Prepared):
        return model
    loaded, file = load(model)
    size = _bytes(model, loaded)
    clean(loaded)
    return Prepared(loaded, file, size)


def load(model: Model) -> tuple[ir.Model, str]:
    """The model and the name by which messages call it.

    Args:
        model: a path to an ONNX file (external data beside it is found), or the model itself.

    Returns:
        The model; its file name, or "<model>".

    Raises:
        CompileError: this is no ONNX model.
        TypeError: `model` is neither path nor ModelProto.
    """
    if isinstance(model, onnx.ModelProto):
        return _checked(ir.serde.deserialize_model(model), "<model>"), "<model>"
    if not isinstance(model, str | os.PathLike):
        raise TypeError(f"model is a {type(model).__name__}; a path or an onnx.ModelProto is needed")
    path = existing_file(model)
    try:
        loaded = ir.load(path)
    except Exception as error:  # protobuf's own errors have no common base
        made = "; it was compiled already" if path.suffix == ".apus" else ""
        raise CompileError(f"{path}: not an ONNX model{made}: {error}") from error
    missing = [str(file) for file in _beside(loaded) if not file.is_file()]
    if missing:
        raise CompileError(
            f"{path}: its weights are in {', '.join(missing)}, which is not there: copy it beside the model"
        )
    return _checked(loaded, str(path)), path.name


def _bytes(model: Model, loaded: ir.Model) -> int:
    """Bytes of an ONNX file and of the files beside it that hold its weights."""
    own = model.ByteSize() if isinstance(model, onnx.ModelProto) else Path(model).stat().st_size
    return own + sum(file.stat().st_size for file in _beside(loaded))


def _beside(model: ir.Model) -> list[Path]:
    """Files of external data, each once."""
    tensors = [value.const_value for value in model.graph.initializers.values()]
    return list(dict.fromkeys(Path(t.path) for t in tensors if isinstance(t, ir.ExternalTensor)))


def _checked(model: ir.Model, name: str) -> ir.Model:
    """No bytes at all parse as an empty model, which no exporter writes."""
    if not model.opset_imports:
        raise CompileError(f"{name}: not an ONNX model: it imports no operator set")
    return model


def clean(model: ir.Model) -> None:
    """Inline functions, lift constants, and drop what is unused or done twice, all by onnx-ir's passes."""
    Sequential(standard.InlinePass(), standard.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0))(
        model
    )
    drop_zero_states(model)
    Sequential(
        standard.RemoveInitializersFromInputsPass(),
        standard.RemoveUnusedNodesPass(),
        standard.DeduplicateInitializersPass(),
        standard.CommonSubexpressionEliminationPass(),
        standard.TopologicalSortPass(),
        standard.NameFixPass(),
    )(model)
