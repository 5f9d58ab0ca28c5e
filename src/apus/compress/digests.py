"""Digests of what a caller hands over as objects: that they changed must be seen, that they did not as well."""

import functools
import hashlib
import inspect
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from apus.data import Arrays
from apus.training.checkpoint import random_state, restore_random_state, seed_all

LIBRARIES = ("torch", "numpy", "builtins", "abc", "typing")
"""Whose code is known by name: it does not change under a user's hands."""
PLAIN = (bool, int, float, str, bytes, type(None), Path)


def network_digest(model: nn.Module) -> str:
    """Digest of a network's structure, settings, weights, and the source of the classes that are not torch's own."""
    digest = hashlib.sha256(str(model).encode())
    for name, part in model.named_modules():
        digest.update(f"{name} {_class_text(type(part))} {_settings(part)}".encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode() + _bytes(tensor))
    return digest.hexdigest()[:16]


def callable_digest(function: Any) -> str:
    """Digest of the source of a loss or the like, with its defaults and what it closes over."""
    return _digest(_text([function, getattr(function, "__self__", None)]))


def split_digest(split: Any) -> str:
    """Digest of the examples where they are in memory; else of their kind, number, first and last."""
    return _digest(_split_text(split))


def files_digest(folder: Path) -> str:
    """Digest of the names and sizes of all files in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _digest(" ".join(f"{path.relative_to(folder)}:{path.stat().st_size}" for path in files))


def _split_text(split: Any) -> str:
    if isinstance(split, DataLoader):
        how = (split.batch_size, split.drop_last, split.collate_fn)
        return f"{_text(how)} {type(split.sampler).__qualname__} {_split_text(split.dataset)}"
    if isinstance(split, Arrays | TensorDataset):
        return _text((split.x, split.y) if isinstance(split, Arrays) else split.tensors)
    if isinstance(split, Subset):
        return f"{_text(list(split.indices))} {_split_text(split.dataset)}"
    count = len(split) if hasattr(split, "__len__") else 0
    return f"{_class_text(type(split))} {count} {_settings(split)} {_files(split)} {_ends(split, count)}"


def _files(split: Any) -> str:
    """Names and sizes of the files of a data set that lists them, as torchvision's folders do."""
    listed = getattr(split, "samples", None)
    names = [entry[0] for entry in listed if isinstance(entry, tuple)] if isinstance(listed, list) else []
    paths = [Path(name) for name in names if isinstance(name, str | Path)]
    return " ".join(f"{path}:{path.stat().st_size if path.is_file() else 0}" for path in paths)


def _ends(split: Any, count: int) -> str:
    """The first and the last example, unless reading them twice gives two different ones."""
    if not count or not hasattr(split, "__getitem__"):
        return ""
    state = random_state()
    try:
        seed_all(0)
        once = _text((split[0], split[count - 1]))
        seed_all(0)
        return once if once == _text((split[0], split[count - 1])) else ""
    except (
        IndexError,
        KeyError,
        TypeError,
        NotImplementedError,
    ):  # its indices are not 0..count-1: a sampler knows them
        return ""
    finally:
        restore_random_state(state)


def _text(value: Any) -> str:
    """What stays the same in every process, unlike a `repr` with addresses."""
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, Tensor | np.ndarray):
        return f"{value.dtype} {list(value.shape)} {hashlib.sha256(_bytes(value)).hexdigest()}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_text(key)}: {_text(each)}' for key, each in value.items())}}}"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_text, value)))}}}"
    if isinstance(value, nn.Module):
        return network_digest(value)
    if isinstance(value, functools.partial):
        return _text(("partial", value.func, value.args, value.keywords))
    if isinstance(value, FunctionType | MethodType):
        return _function_text(value)
    if isinstance(value, type):
        return _class_text(value)
    if hasattr(value, "tobytes"):  # NumPy's scalars, Pillow's images
        return hashlib.sha256(value.tobytes()).hexdigest()
    name = getattr(value, "__qualname__", None)
    return str(name) if name else f"{_class_text(type(value))} {_settings(value)}"


def _function_text(function: Any) -> str:
    name = f"{function.__module__}.{function.__qualname__}"
    if _is_library(function.__module__):
        return name
    held = _text((function.__defaults__, function.__kwdefaults__))
    return " ".join([name, _source(function), held, *map(_cell_text, function.__closure__ or ())])


def _cell_text(cell: CellType) -> str:
    try:
        held = cell.cell_contents
    except ValueError:  # empty yet
        return ""
    if isinstance(held, FunctionType):  # its own cells may hold the function that we come from
        return _source(held)
    return _text(held) if isinstance(held, (*PLAIN, Tensor, np.ndarray, nn.Module)) else ""


def _class_text(kind: type) -> str:
    own = [each for each in kind.__mro__ if not _is_library(each.__module__)]
    return " ".join([f"{kind.__module__}.{kind.__qualname__}", *map(_source, own)])


def _is_library(module: str | None) -> bool:
    return (module or "").partition(".")[0] in LIBRARIES


def _source(thing: Any) -> str:
    """Source where there is any; of a lambda, whose line may hold two, and of typed-in code its instructions."""
    if getattr(thing, "__name__", "") != "<lambda>":
        try:
            return inspect.getsource(thing)
        except (OSError, TypeError):
            pass
    parts = vars(thing).values() if isinstance(thing, type) else [thing]
    return " ".join(_instructions(part.__code__) for part in parts if isinstance(part, FunctionType | MethodType))


def _instructions(code: CodeType) -> str:
    constants = [_instructions(c) if isinstance(c, CodeType) else _text(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {constants}"


def _settings(thing: Any) -> str:
    """Plain attributes; `training` is a mode, and names with a leading underscore are nobody's settings."""
    held = {name: value for name, value in getattr(thing, "__dict__", {}).items() if name[:1] != "_"}
    kinds = (*PLAIN, FunctionType, functools.partial)
    return _text({name: held[name] for name in sorted(held) if name != "training" and isinstance(held[name], kinds)})


def _bytes(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype != object else _text(value.tolist()).encode()
    whole: bytes = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return whole


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
