"""Checkpoints that outlive their machine: whole tensors in safetensors, with data position and generators inside.

```
FOLDER/step-00000200/
    model.safetensors       every nn.Module under its own name, as any tool reads it
    state.safetensors       everything else; its metadata holds the structure as JSON, its tensors the leaves
```

All ranks gather and copy to the CPU; rank 0 alone writes, to a temporary folder that is flushed and renamed, and no
collective stands under that `if`. Nothing in a file names a device, a rank or a world size, so it loads on any.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from apus.errors import DataError
from apus.training.distributed import like, whole

Tensors = dict[str, Tensor]


def flatten(value: Any, path: str, tensors: Tensors) -> Any:
    """Split a state into JSON and tensors.

    Args:
        value: a nest of dicts, lists, tuples, tensors and plain values.
        path: name of the value, for its tensors and for errors.
        tensors: receives the leaves, as whole CPU copies.

    Returns:
        What JSON can hold, with `{"tensor": name}` in the leaves' places.

    Raises:
        TypeError: something else is in it; the message says where.
    """
    if isinstance(value, Tensor):
        tensors[path] = whole(value)
        return {"tensor": path}
    if isinstance(value, Mapping):
        return {"map": [[key, flatten(item, f"{path}.{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        items = [flatten(item, f"{path}.{index}", tensors) for index, item in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"{path}: a checkpoint cannot hold {type(value).__name__}; give it a state_dict of plain values and tensors"
    )


def rebuild(value: Any, tensors: Tensors) -> Any:
    """Undo `flatten`.

    Args:
        value: from JSON.
        tensors: the leaves.

    Returns:
        The state.
    """
    if not isinstance(value, dict):
        return value
    (kind, content), *_ = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "map":
        return {key: rebuild(item, tensors) for key, item in content}
    items = [rebuild(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items


def gather(parts: Mapping[str, Any]) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """Whole CPU copies of everything; every rank must call it, for sharded tensors are gathered here.

    Args:
        parts: modules, and anything else with a `state_dict`, by name; or a plain state.

    Returns:
        Tensors by file name (without its ending), and the structure of `state`.
    """
    files: dict[str, Tensors] = {"state": {}}
    structure: dict[str, Any] = {}
    for name, part in parts.items():
        state = part.state_dict() if hasattr(part, "state_dict") else part
        if isinstance(part, nn.Module):
            files[name] = {key: whole(value) for key, value in state.items() if isinstance(value, Tensor)}
        else:
            structure[name] = flatten(state, name, files["state"])
    return files, structure


def write(folder: Path, files: Mapping[str, Tensors], structure: Mapping[str, Any]) -> None:
    """Write one checkpoint, whole or not at all.

    Args:
        folder: must not exist yet; if it does, it is a whole checkpoint already, and stays.
        files: tensors by file name.
        structure: of `state.safetensors`, JSON.

    Raises:
        DataError: the disk is full, or the like; nothing is left of it.
    """
    if folder.exists():
        return
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        for name, tensors in files.items():
            metadata = {"apus": json.dumps(structure)} if name == "state" else {"format": "pt"}
            save_file(tensors, temporary / f"{name}.safetensors", metadata)
            _flush(temporary / f"{name}.safetensors")
        _flush(temporary)
        temporary.rename(folder)
    except (SafetensorError, OSError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise DataError(f"{folder}: could not be written ({error}); those before it are whole") from None
    _flush(folder.parent)


def read(folder: Path) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """Read one checkpoint.

    Args:
        folder: as `write` left it.

    Returns:
        Tensors of each file but `state`, and the state of everything else by name.

    Raises:
        DataError: a file is missing or damaged.
    """
    files: dict[str, Tensors] = {}
    structure: Any = None
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                files[path.stem] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
                if path.stem == "state":
                    structure = json.loads(file.metadata()["apus"])
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: damaged ({error}); delete {folder} to go on from the one before") from None
    if structure is None:
        raise DataError(f"{folder}: no state.safetensors in it; delete it to go on from the one before")
    leaves = files.pop("state")
    return files, {name: rebuild(part, leaves) for name, part in structure.items()}


def load_module(model: nn.Module, tensors: Tensors) -> None:
    """Load whole tensors into a model on any device, sharded or not.

    Args:
        model: changed in place.
        tensors: by the model's own names; a missing or unknown one raises as `load_state_dict` does.
    """
    own = model.state_dict()
    model.load_state_dict({key: like(value, own[key]) if key in own else value for key, value in tensors.items()})


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load a whole state into an optimizer, laid out as its parameters are.

    Args:
        optimizer: changed in place.
        state: its state_dict, of whole tensors.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]

    def lay(index: int, value: Any) -> Any:
        fits = isinstance(value, Tensor) and value.shape == parameters[index].shape
        return like(value, parameters[index]) if fits else value

    laid = {index: {key: lay(index, value) for key, value in one.items()} for index, one in state["state"].items()}
    optimizer.load_state_dict({**state, "state": laid})


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint of a folder.

    Args:
        folder: may not exist.

    Returns:
        Its path, or None.
    """
    return max(folder.glob("step-*"), default=None)


def prune(folder: Path, keep: int) -> None:
    """Delete all but the newest checkpoints, and what killed runs left half written.

    Args:
        folder: of the checkpoints.
        keep: how many stay, ≥ 1.
    """
    for old in [*sorted(folder.glob("step-*"))[:-keep], *folder.glob(".step-*")]:
        shutil.rmtree(old, ignore_errors=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
