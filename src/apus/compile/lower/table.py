"""All handlers, by ONNX operator."""

from collections.abc import Callable

from apus.compile.lower import (
    activations,
    convolution,
    elementwise,
    indexing,
    integers,
    layout,
    matrix,
    normalisation,
    pooling,
    quantisation,
    recurrent,
    resize,
    spectrum,
    windows,
)
from apus.compile.lower.context import Call

HANDLERS: dict[str, Callable[[Call], str | list[str]]] = (
    activations.HANDLERS
    | convolution.HANDLERS
    | elementwise.HANDLERS
    | indexing.HANDLERS
    | integers.HANDLERS
    | layout.HANDLERS
    | matrix.HANDLERS
    | normalisation.HANDLERS
    | pooling.HANDLERS
    | quantisation.HANDLERS
    | recurrent.HANDLERS
    | resize.HANDLERS
    | spectrum.HANDLERS
    | windows.HANDLERS
)
