"""Calibration data: checked against the model, cut into batches, and run with the inner values shown."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx_ir as ir

from apus.compile.post_training.ranges import Array
from apus.errors import DataError
from apus.runtime import Session
from apus.runtime.archive import load_npz
from apus.runtime.feed import check_names

Feed: TypeAlias = Mapping[str, Array]
Calibration: TypeAlias = str | Path | Array | Feed | Iterable[Any]
"""A path of an `.npz`, arrays by input name, one array for a model of one input, or a loader of such batches."""
Runner: TypeAlias = Callable[[Feed], list[Array]]


def batches(calibration: Calibration, inputs: Sequence[ir.Value], size: int) -> list[Feed]:
    """Feeds of at most `size` samples, checked.

    Args:
        calibration: the data.
        inputs: of the model.
        size: samples per feed; a fixed first dimension of the model goes before it.

    Returns:
        At least one feed.

    Raises:
        DataError: no sample, a damaged file, or a shape or dtype that the model does not take.
        RunError: an input name that is wrong or missing.
    """
    names = [str(value.name) for value in inputs]
    found: list[Feed] = []
    for whole in _feeds(calibration, names):
        check_names(names, whole)
        feed = {name: _checked(whole[name], value) for name, value in zip(names, inputs, strict=True)}
        found += _cut(feed, min((b for b in map(_fixed_batch, inputs) if b), default=size))
    if not found:
        raise DataError("calibration holds no sample")
    return found


def _feeds(calibration: Calibration, names: Sequence[str]) -> Iterator[Feed]:
    if isinstance(calibration, str | Path):
        calibration = load_npz(calibration)
    if isinstance(calibration, Mapping):
        yield {name: calibration[name] for name in names} if set(names) < set(calibration) else calibration
    elif isinstance(calibration, np.ndarray):
        yield {names[0]: calibration}
    else:
        for batch in calibration:
            yield batch if isinstance(batch, Mapping) else dict(zip(names, _parts(batch), strict=False))


def _parts(batch: Any) -> list[Array]:
    """Arrays of a loader's batch; labels behind the inputs are left out by the caller's zip."""
    return [np.asarray(part) for part in (batch if isinstance(batch, tuple | list) else (batch,))]


def _checked(array: Array, value: ir.Value) -> Array:
    dtype = value.dtype.numpy() if value.dtype else np.dtype(np.float32)
    if array.dtype != dtype:
        raise DataError(f"calibration {value.name!r} is {array.dtype}, the model takes {dtype}: convert it first")
    shape = list(value.shape.dims) if value.shape is not None else [None] * array.ndim
    fits = array.ndim == len(shape) and all(
        not isinstance(d, int) or d == size for d, size in zip(shape[1:], array.shape[1:], strict=True)
    )
    if not fits:
        expected = [d if isinstance(d, int) else str(d) for d in shape]
        raise DataError(f"calibration {value.name!r} has shape {list(array.shape)}, the model takes {expected}")
    return array


def _fixed_batch(value: ir.Value) -> int:
    first = value.shape.dims[0] if value.shape is not None and len(value.shape.dims) else None
    return first if isinstance(first, int) else 0


def _cut(feed: Feed, size: int) -> list[Feed]:
    """Whole batches first; a rest shorter than a fixed batch cannot be run, and is left out unless all is shorter."""
    samples = min(len(array) for array in feed.values())
    return [{n: array[at : at + size] for n, array in feed.items()} for at in range(0, samples, size)]


def show(model: ir.Model, names: Sequence[str]) -> Runner:
    """Run `model` and return the inner values `names`: in ONNX Runtime where it is installed, else in the engine.

    Args:
        model: fp32.
        names: of values in its graph, in the order wanted.

    Returns:
        A function from a feed to the values, in that order.
    """
    shown = model.clone()
    values = {value.name: value for node in shown.graph for value in node.outputs}
    values |= {value.name: value for value in shown.graph.inputs}
    inputs = {value.name for value in shown.graph.inputs}
    wanted = [name for name in dict.fromkeys(names) if name not in inputs]
    shown.graph.outputs[:] = [values[name] for name in wanted]
    for value in shown.graph.outputs:
        value.type = value.type or ir.TensorType(ir.DataType.FLOAT)
    run = _session(ir.to_proto(shown).SerializeToString()) if wanted else None

    def runner(feed: Feed) -> list[Array]:
        arrays = dict(feed)
        if run is not None:
            arrays |= dict(zip(wanted, run(wanted, feed), strict=True))
        return [arrays[name] for name in names]

    return runner


def _session(model: bytes) -> Callable[[Sequence[str], Feed], list[Array]]:
    if util.find_spec("onnxruntime") is None:
        return Session(model).run
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    run: Callable[[Sequence[str], Feed], list[Array]] = onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    ).run
    return run
