"""Arrays as the protocol writes them in JSON."""

import math
from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from apus.runtime import NodeArg
from apus.runtime.feed import Array
from apus.serve.refusal import Refusal

MAX_RANK = 8


class Datatype(NamedTuple):
    """The protocol's name, NumPy's, and the types of JSON that may stand for it."""

    name: str
    dtype: np.dtype[Any]
    words: set[type]


DATATYPES = {
    "tensor(float)": Datatype("FP32", np.dtype("float32"), {int, float}),
    "tensor(uint8)": Datatype("UINT8", np.dtype("uint8"), {int}),
    "tensor(int8)": Datatype("INT8", np.dtype("int8"), {int}),
    "tensor(int32)": Datatype("INT32", np.dtype("int32"), {int}),
    "tensor(int64)": Datatype("INT64", np.dtype("int64"), {int}),
    "tensor(bool)": Datatype("BOOL", np.dtype("bool"), {bool}),
}


def describe(arg: NodeArg) -> dict[str, Any]:
    """An input or output as the metadata show it; a symbolic dimension is -1."""
    shape = [d if isinstance(d, int) else -1 for d in arg.shape]
    return {"name": arg.name, "datatype": DATATYPES[arg.type].name, "shape": shape}


def encode(arg: NodeArg, array: Array) -> dict[str, Any]:
    """An output of a response.

    Args:
        arg: its declaration.
        array: its values.

    Returns:
        Name, datatype, shape and flat data.

    Raises:
        Refusal: JSON has no word for NaN and infinity.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Refusal(f"output {arg.name!r} holds NaN or infinity, which JSON cannot say", 500)
    return describe(arg) | {"shape": list(array.shape), "data": array.ravel().tolist()}


def decode(where: str, item: Mapping[str, Any], arg: NodeArg) -> Array:
    """An input of a request.

    Args:
        where: what messages call it, such as `inputs[0]`.
        item: with `datatype`, `shape` and `data`, flat or nested.
        arg: its declaration.

    Returns:
        A C-contiguous array of the declared datatype.

    Raises:
        Refusal: names the field that is wrong.
    """
    datatype = DATATYPES[arg.type]
    if item.get("datatype") != datatype.name:
        raise Refusal(f"{where}.datatype is {item.get('datatype')!r}, but {arg.name!r} takes {datatype.name!r}")
    shape = _shape(where, item.get("shape"))
    values, sizes = _values(where, item.get("data"), datatype)
    if values.size != math.prod(shape) or (len(sizes) > 1 and sizes != shape):
        raise Refusal(f"{where}.data has shape {sizes}, but {where}.shape is {shape}")
    return values.reshape(shape)


def _shape(where: str, shape: Any) -> list[int]:
    if not isinstance(shape, list) or not all(type(d) is int and 0 <= d < 1 << 62 for d in shape):
        raise Refusal(f"{where}.shape must be a list of integers that are 0 or more")
    if len(shape) > MAX_RANK:
        raise Refusal(f"{where}.shape has {len(shape)} dimensions, at most {MAX_RANK} can be")
    return list(shape)


def _values(where: str, data: Any, datatype: Datatype) -> tuple[Array, list[int]]:
    """Numbers in order, and how they were nested. Never a silent loss: no truncation, wrap-around or infinity."""
    numbers, sizes = _flat(where, data)
    if not set(map(type, numbers)) <= datatype.words:
        raise Refusal(f"{where}.data holds something else than {datatype.name}")
    try:
        with np.errstate(over="ignore"):
            values = np.array(numbers, datatype.dtype)
    except OverflowError:
        values = None
    if values is None or not np.isfinite(values).all():
        raise Refusal(f"{where}.data holds a number too large for {datatype.name}")
    return values, sizes


def _flat(where: str, data: Any) -> tuple[list[Any], list[int]]:
    """Level by level, so that the depth of what a client nests costs no stack."""
    if not isinstance(data, list):
        raise Refusal(f"{where}.data must be a list; binary tensors and shared memory are not taken")
    sizes = [len(data)]
    while data and all(isinstance(item, list) for item in data):
        if len(set(map(len, data))) > 1:
            raise Refusal(f"{where}.data is not rectangular")
        sizes.append(len(data[0]))
        data = list(chain.from_iterable(data))
    return data, sizes
