"""Turn what a user feeds into arrays that the engine takes, or say exactly what is wrong with it."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from apus.errors import RunError
from apus.runtime.signature import Dimension

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


def check_feed(names: Sequence[str], feed: object) -> None:
    """Refuse a feed that is not arrays by name.

    Args:
        names: inputs of the model.
        feed: what came.

    Raises:
        RunError: shows the feed that is wanted.
    """
    if not isinstance(feed, Mapping):
        wanted = ", ".join(f"{name!r}: array" for name in names)
        raise RunError(f"the feed is a {type(feed).__name__}; give arrays by input name: {{{wanted}}}")


def check_names(names: Sequence[str], feed: Mapping[str, Any]) -> None:
    """Refuse a feed with a name missing or a name too many.

    Args:
        names: inputs of the model.
        feed: what came, by name.

    Raises:
        RunError: names the input and the nearest one.
    """
    for name in feed:
        if name not in names:
            raise RunError(f"no input {name!r}{nearest(name, names)}; inputs are {', '.join(map(repr, names))}")
    missing = [name for name in names if name not in feed]
    if missing:
        raise RunError(
            f"input {', '.join(map(repr, missing))} is missing; the feed has {', '.join(map(repr, feed)) or 'none'}"
        )


def nearest(name: str, names: Iterable[str]) -> str:
    """`"; did you mean 'image'?"`, or nothing when no name is near."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def as_array(name: str, value: Any, dtype: np.dtype[Any] | None) -> Any:
    """`value` as a C-contiguous, aligned array of `dtype` in native byte order.

    Lists and Python numbers are converted; an array of another dtype is refused, as in ONNX Runtime, since a silent
    conversion hides both cost and loss.

    Args:
        name: the input, for the message.
        value: an array, a list or a number.
        dtype: what the model declares; None for what is no array of numbers, which ONNX Runtime checks.

    Returns:
        `value` itself when it fits already.

    Raises:
        RunError: another dtype, or a list that is not numeric or not rectangular.
    """
    if dtype is None:
        return value
    if not isinstance(value, np.ndarray | np.generic):
        try:
            return np.ascontiguousarray(value, dtype).reshape(np.shape(value))
        except (TypeError, ValueError, OverflowError) as error:
            raise RunError(f"input {name!r} cannot become an array of {dtype.name}: {error}") from error
    array = np.asarray(value)
    if array.dtype.newbyteorder("=") != dtype:
        raise RunError(
            f"input {name!r} is {array.dtype.name}, but the model takes {dtype.name}; "
            f"convert it with .astype(np.{dtype.name})"
        )
    array = np.asarray(array, dtype, order="C")
    return array if array.flags.aligned else array.copy()  # a view into a record or a file may begin at any byte


def check_shapes(names: Sequence[str], shapes: Sequence[Sequence[Dimension] | None], arrays: Sequence[Array]) -> None:
    """Refuse a shape that the model's declaration forbids.

    Args:
        names: the inputs.
        shapes: declared shapes; a symbol takes any size, but the same one wherever it stands. None takes any shape.
        arrays: one per input.

    Raises:
        RunError: names the input, what it got and what is expected.
    """
    symbols: dict[str, tuple[int, str]] = {}
    for name, shape, array in zip(names, shapes, arrays, strict=True):
        if shape is None:
            continue
        fits = array.ndim == len(shape)
        if not fits or any(isinstance(d, int) and d != size for d, size in zip(shape, array.shape, strict=True)):
            expected = ", ".join(map(str, shape))
            raise RunError(f"input {name!r} has shape {list(array.shape)}, but the model takes [{expected}]")
        for d, size in zip(shape, array.shape, strict=True):
            if isinstance(d, str) and d and symbols.setdefault(d, (size, name))[0] != size:
                first, where = symbols[d]
                raise RunError(f"dimension {d!r} is {size} in input {name!r}, but {first} in input {where!r}")
