"""Outputs before time: contenders of one network must agree with the first of them."""

from collections.abc import Sequence

import numpy as np

from apus.bench.measurement import Agreement
from apus.bench.protocol import Array
from apus.errors import VerificationError


def agreement(outputs: Sequence[Array], expected: Sequence[Array], *, reference: str) -> Agreement:
    """Compare the outputs of one contender with those of the reference.

    Args:
        outputs: arrays in the model's order.
        expected: the reference's arrays, same count and shapes.
        reference: the reference's label.

    Returns:
        How close they are.

    Raises:
        VerificationError: another number of outputs, another shape, or a value that is not finite.
    """
    if [np.shape(array) for array in outputs] != [np.shape(array) for array in expected]:
        shapes = [np.shape(array) for array in outputs], [np.shape(array) for array in expected]
        raise VerificationError(f"outputs have shapes {shapes[0]}, but {reference} gives {shapes[1]}")
    pairs = [(np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in zip(outputs, expected, strict=True)]
    if not all(np.isfinite(a).all() for a, _ in pairs):
        raise VerificationError(f"an output is not finite where {reference} was asked to agree")
    absolute = max((float(np.abs(a - b).max(initial=0)) for a, b in pairs), default=0.0)
    size = max((float(np.abs(b).max(initial=0)) for _, b in pairs), default=0.0)
    return Agreement(reference, absolute, absolute / size if size else absolute, _argmax_pct(pairs))


def _argmax_pct(pairs: Sequence[tuple[Array, Array]]) -> float:
    same = [(a.argmax(-1) == b.argmax(-1)).ravel() for a, b in pairs if a.ndim and a.shape[-1] > 1]
    return 100.0 * float(np.concatenate(same).mean()) if same else 100.0
