"""bfloat16, the upper half of a float32, as the uint16 that NumPy can hold (SPEC.md §3)."""

import numpy as np

from apus.artifact.graph import Array

HALF = np.uint32(16)  # bits


def to_bfloat16(values: Array) -> Array:
    """Round to the nearest bfloat16, of two equally near to the even one; a zero loses its sign.

    Args:
        values: float32, any shape.

    Returns:
        uint16 of the same shape. What is beyond the largest bfloat16 becomes infinite; NaN stays NaN.

    >>> [hex(v) for v in to_bfloat16(np.float32([1, 1.00390625, 1.01171875, -0.0]))]
    ['0x3f80', '0x3f80', '0x3f82', '0x0']
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + (bits >> HALF & np.uint32(1))) >> HALF
    rounded[np.isnan(values)] = 0x7FC0
    rounded[rounded << np.uint32(17) == 0] = 0
    return rounded.astype(np.uint16)


def from_bfloat16(bits: Array) -> Array:
    """The float32 that bfloat16 values are, exactly.

    Args:
        bits: uint16, any shape.

    Returns:
        float32 of the same shape.

    >>> from_bfloat16(np.uint16([0x3F80, 0xC040])).tolist()
    [1.0, -3.0]
    """
    return (bits.astype(np.uint32) << HALF).view(np.float32)
