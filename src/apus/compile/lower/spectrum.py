"""DFT and STFT as products with a constant matrix, in float64: sums of many terms that should cancel do."""

from collections.abc import Callable

import numpy as np

from apus.artifact import Array
from apus.compile.lower.context import Call


def matrix(length: int, parts: int, size: int, *, inverse: bool, onesided: bool) -> Array:
    """The linear map of a discrete Fourier transform.

    Args:
        length: of the signal; cut or zero-padded to `size` (its one side, when an inverse is `onesided`).
        parts: 1 for a real signal, 2 for real and imaginary parts side by side.
        size: of the transform, 1 or more.
        inverse: whether it is the inverse of a real signal's one side.
        onesided: whether only the first size // 2 + 1 frequencies are given.

    Returns:
        [length * parts, frequencies * 2] float64; an inverse is real, [length * parts, size].

    >>> matrix(2, 1, 2, inverse=False, onesided=False).astype(int).tolist()
    [[1, 0, 1, 0], [1, 0, -1, 0]]
    """
    units = np.eye(length) if parts == 1 else np.stack([np.eye(length), 1j * np.eye(length)], 1)
    if inverse:
        return np.asarray(np.fft.irfft(units, size)).reshape(length * parts, -1)
    found = np.fft.fft(units, size)
    found = found[..., : size // 2 + 1] if onesided else found
    return np.stack([found.real, found.imag], -1).reshape(length * parts, -1)


def dft(call: Call) -> str:
    """DFT along one axis; the last holds real and imaginary parts."""
    shape = call.dims()
    rank, parts = len(shape), shape[-1]
    axis = int(call.setting("axis", 2, 1 if call.context.opset < 20 else -2)) % rank
    inverse, onesided = bool(call.attribute("inverse", 0)), bool(call.attribute("onesided", 0))
    if inverse and not onesided:
        call.refuse("an inverse whose result is complex is not supported; only one of one side is")
    natural = 2 * (shape[axis] - 1) if inverse else shape[axis]
    size = int(np.reshape(call.constant(1, natural), -1)[0])
    if axis == rank - 1 or parts not in (1, 2) or size < 1:
        call.refuse(f"axis {axis} and length {size} do not fit input {shape}")
    weights = matrix(shape[axis], parts, size, inverse=inverse, onesided=onesided)
    perm = [i for i in range(rank - 1) if i != axis] + [axis, rank - 1]
    x = call.permute(call.value(), perm)
    y = _product(call, call.reshape(x, [-1, shape[axis] * parts]), weights)
    after = 1 if inverse else 2
    y = call.reshape(y, [*(shape[i] for i in perm[:-2]), weights.shape[1] // after, after])
    return call.permute(y, [perm.index(i) for i in range(rank)])


def _product(call: Call, x: str, weights: Array) -> str:
    """x · weights in float64, in the dtype of the input."""
    wide = call.emit("matmul", [call.cast(x, "float64"), call.keep(weights)])
    return call.cast(wide, call.dtype())


def stft(call: Call) -> str:
    """STFT: frames of the signal, windowed, each transformed."""
    batch, samples, parts = call.dims()
    step = int(np.reshape(call.constant(1), -1)[0])
    length = int(np.reshape(call.constant(3), -1)[0]) if call.has(3) else int(call.fixed(call.shape(2))[0])
    if not 1 <= length <= samples or step < 1:
        call.refuse(f"frames of {length} every {step} do not fit a signal of {samples}")
    starts = np.arange(0, samples - length + 1, step)
    x = call.gather(call.value(), starts[:, None] + np.arange(length), 1)
    if call.has(2):
        x = call.apply("mul", x, call.reshape(call.value(2), [length, 1]))
    weights = matrix(length, parts, length, inverse=False, onesided=bool(call.attribute("onesided", 1)))
    y = _product(call, call.reshape(x, [batch * len(starts), length * parts]), weights)
    return call.reshape(y, [batch, len(starts), -1, 2])


HANDLERS: dict[str, Callable[[Call], str | list[str]]] = {"DFT": dft, "STFT": stft}
