"""The engines that `apus bench --against` knows, one file each, imported only when asked for."""

from importlib import import_module
from typing import Any

from apus.bench.protocol import Contender
from apus.errors import MissingExtraError, RunError

KNOWN = ("apus", "onnxruntime", "openvino", "torch", "torch_sparse", "deepsparse")
_COMMANDS = dict.fromkeys(("torch", "torch_sparse"), "pip install 'apus-ml[train]'")


def check_engine(engine: str) -> None:
    """Refuse a name that no contender has.

    Args:
        engine: what was asked for.

    Raises:
        RunError: names those there are.
    """
    if engine not in KNOWN:
        raise RunError(f"no contender {engine!r}; known are {', '.join(KNOWN)}")


def contender(
    engine: str, model: Any, *, label: str | None = None, network: str = "model", **options: Any
) -> Contender:
    """A contender: `engine` with `model`.

    Args:
        engine: one of `KNOWN`.
        model: a path to `.onnx` (all but torch), `.apus` (apus), `.pt2` (torch), or for torch an `nn.Module`
            (`nn.Sequential` for torch_sparse).
        label: name in tables; the engine's by default.
        network: contenders of the same network must agree before they are timed.
        **options: the engine's own, such as `precision="bf16"` of openvino.

    Returns:
        The contender, not loaded yet.

    Raises:
        RunError: no engine of this name.
        MissingExtraError: the engine is not installed.
    """
    check_engine(engine)
    try:
        module = import_module(f"apus.bench.contenders.{engine}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("apus"):
            raise
        command = _COMMANDS.get(engine, "pip install 'apus-ml[bench]'")
        raise MissingExtraError(f"contender {engine!r} needs {error.name}: {command}") from error
    made: Contender = module.Engine(model, label=label or engine, network=network, **options)
    return made
