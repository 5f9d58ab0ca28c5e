"""Weights of 4 and 2 bits, 64 to a group, and what narrow values stand for (SPEC.md §3)."""

import numpy as np

from apus.artifact.bfloat16 import from_bfloat16
from apus.artifact.graph import Array

GROUP = (16, 4)  # weights of a group


def narrow(values: Array) -> Array:
    """Store int8 values in the fewest of 8, 4 and 2 bits that hold them all.

    Args:
        values: of groups, int8 [B, 16, 4].

    Returns:
        uint8 [B, 32] of 4 bits, uint8 [B, 16] of 2, or the values.

    >>> narrow(np.ones((3, 16, 4), np.int8)).shape
    (3, 16)
    """
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    bits = next((bits for bits in (2, 4) if -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1)), 8)
    if bits == 8:
        return values
    parts = values.reshape(len(values), 8 // bits, 8 * bits).view(np.uint8) & np.uint8(2**bits - 1)
    shifted = parts << (np.arange(8 // bits, dtype=np.uint8)[:, None] * np.uint8(bits))
    return np.ascontiguousarray(np.bitwise_or.reduce(shifted, axis=1))


def wide_values(values: Array) -> Array:
    """`values` of a weight as the numbers that they stand for.

    Args:
        values: float32 or int8 [B, 16, G], bfloat16 as uint16 [B, 16, 2], or uint8 [B, 32] or [B, 16].

    Returns:
        Shape [B, 16, G]: float32 or int8.

    >>> wide_values(np.full((1, 32), 0xF1, np.uint8))[0, [0, 8], 0].tolist()
    [1, -1]
    """
    if values.dtype == np.uint16:
        return from_bfloat16(values)
    if values.dtype != np.uint8:
        return values
    bits = value_bits(values)
    shifts = np.arange(8 // bits, dtype=np.uint8)[:, None] * np.uint8(bits)
    parts = (values[:, None] >> shifts) & np.uint8(2**bits - 1)  # [B, parts, bytes]
    sign = np.uint8(1 << (bits - 1))
    whole: Array = ((parts ^ sign) - sign).view(np.int8)
    return whole.reshape(-1, *GROUP)


def value_bits(values: Array) -> int:
    """Bits that a weight is stored in.

    Args:
        values: as for `wide_values`.

    Returns:
        32, 16, 8, 4 or 2.

    >>> value_bits(np.zeros((5, 32), np.uint8))
    4
    """
    return values.shape[1] // 8 if values.dtype == np.uint8 else values.dtype.itemsize * 8
