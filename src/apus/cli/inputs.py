"""Inputs for a command that runs a model: from an `.npz` file, or made up by a fixed seed."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apus.errors import RunError
from apus.runtime import NodeArg, Session
from apus.runtime.archive import load_npz
from apus.runtime.feed import Array, check_names
from apus.runtime.signature import node_arg
from apus.runtime.source import PRECISIONS

_DTYPES = {"float": "float32", "double": "float64"}


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """`--data`, `--batch` and `--shape`."""
    parser.add_argument("--data", metavar="FILE.npz", help="arrays by input name (default: random, fixed seed)")
    parser.add_argument("--batch", type=count, metavar="N", help="size of a symbolic first dimension (default: 1)")
    parser.add_argument("--shape", action="append", default=[], metavar="NAME=1,3,224,224", help="shape of one input")


def count(text: str) -> int:
    """A whole number, 1 or more, as the type of an argument.

    Args:
        text: what was typed.

    Returns:
        The number.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number of 1 or more")
    return int(text)


def amount(text: str) -> float:
    """A finite number, 0 or more, as the type of an argument.

    Args:
        text: what was typed.

    Returns:
        The number.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of 0 or more")
    return number


def add_allow_argument(parser: argparse.ArgumentParser) -> None:
    """`--allow`."""
    parser.add_argument(
        "--allow",
        choices=["onnxruntime", "nothing"],
        help="ONNX Runtime runs what the engine refuses of an ONNX model; 'onnxruntime': and what it runs faster here,"
        " measured; 'nothing': a refusal is an error",
    )


def add_precision_argument(parser: argparse.ArgumentParser) -> None:
    """`--precision`."""
    parser.add_argument(
        "--precision",
        default=PRECISIONS[0],
        choices=PRECISIONS,
        help="of an ONNX model's layers that carry no quantisation; 'bf16': half the bytes, error below 1 %% (2⁻⁷) of"
        " the sum of magnitudes (default: fp32)",
    )


def model_inputs(model: Path) -> list[NodeArg]:
    """Inputs of a model, without compiling it.

    Args:
        model: an `.apus` file or an ONNX model.

    Returns:
        One per input.
    """
    if model.suffix == ".apus":
        return Session(model, threads=1).get_inputs()
    from apus.compile.fed import read_inputs

    return [node_arg(value, {}) for value in read_inputs(model)]


def parse_shapes(texts: Sequence[str]) -> dict[str, list[int]]:
    """`["image=1,3,224,224"]` as `{"image": [1, 3, 224, 224]}`.

    Args:
        texts: values of `--shape`.

    Returns:
        Shape by input name.

    Raises:
        RunError: a text of another form.
    """
    shapes = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            shapes[name] = [int(size) for size in sizes.replace("x", ",").split(",")]
        except ValueError:
            name = ""
        if not name or min(shapes[name]) < 1:
            raise RunError(f"--shape {text!r}: write it as NAME=1,3,224,224")
    return shapes


def make_feed(inputs: Sequence[NodeArg], options: argparse.Namespace) -> dict[str, Array]:
    """The feed that the options ask for.

    Args:
        inputs: of the model.
        options: with `data`, `batch` and `shape`.

    Returns:
        One array per input.

    Raises:
        RunError: a name that the model has not, or fewer samples than `--batch`.
    """
    if options.data is None:
        return random_feed(inputs, batch=options.batch or 1, shapes=parse_shapes(options.shape))
    arrays = load_npz(options.data)
    names = [value.name for value in inputs]
    feed = {name: arrays[name] for name in names if name in arrays}
    check_names(names, feed or arrays)
    return {name: array[: options.batch] for name, array in feed.items()} if options.batch else feed


def random_feed(inputs: Sequence[NodeArg], *, batch: int, shapes: dict[str, list[int]]) -> dict[str, Array]:
    """Standard normal floats, small integers; the same each time.

    Args:
        inputs: of the model.
        batch: size of a symbolic first dimension.
        shapes: shapes of single inputs.

    Returns:
        One array per input.

    Raises:
        RunError: a shape for an input that is not there, or a symbolic dimension beyond the first without `--shape`.
    """
    if shapes:
        check_names([value.name for value in inputs], {value.name: 0 for value in inputs} | dict.fromkeys(shapes))
    generator = np.random.default_rng(0)
    return {value.name: _random(value, batch, shapes.get(value.name), generator) for value in inputs}


def _random(value: NodeArg, batch: int, shape: list[int] | None, generator: np.random.Generator) -> Array:
    if shape is None:
        if any(isinstance(size, str) for size in value.shape[1:]):
            raise RunError(f"input {value.name!r} has shape {value.shape}: say its sizes with --shape {value.name}=...")
        shape = [batch if isinstance(size, str) else size for size in value.shape]
    name = value.type.removeprefix("tensor(").removesuffix(")")
    dtype: np.dtype[Any] = np.dtype(_DTYPES.get(name, name))
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)
