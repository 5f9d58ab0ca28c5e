"""The unstructured format (SPEC.md §3): a matrix by its single weights that are not zero, row by row."""

from typing import NamedTuple

import numpy as np

from apus.artifact.graph import Array


class Unstructured(NamedTuple):
    """The constants of one weight: `values` [B], `columns` [B], and `strips` [M + 1], the first weight of each row."""

    values: Array
    columns: Array
    strips: Array


def pack_unstructured(weight: Array) -> Unstructured:
    """Pack a matrix by its weights that are not zero.

    Args:
        weight: shape [M, K], float32 or int8; of a grouped convolution, K is that of one group.

    Returns:
        The three constants.

    >>> packed = pack_unstructured(np.float32([[0, 2], [0, 0], [3, 4]]))
    >>> packed.columns.tolist(), packed.strips.tolist()
    ([1, 0, 1], [0, 1, 1, 3])
    """
    row, column = np.nonzero(weight)
    counts = np.bincount(row, minlength=len(weight))
    return Unstructured(
        weight[row, column],
        column.astype(np.uint16 if weight.shape[1] <= 1 << 16 else np.uint32),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32),
    )


def unpack_unstructured(packed: Unstructured, columns: int) -> Array:
    """The matrix that `pack_unstructured` got.

    Args:
        packed: the three constants.
        columns: K.

    Returns:
        Shape [M, K], dtype of the values.

    >>> matrix = np.eye(3, dtype=np.int8)
    >>> bool((unpack_unstructured(pack_unstructured(matrix), 3) == matrix).all())
    True
    """
    starts = packed.strips.astype(np.int64)
    counts = starts[1:] - starts[:-1]
    matrix = np.zeros((len(counts), columns), packed.values.dtype)
    matrix[np.repeat(np.arange(len(counts)), counts), packed.columns.astype(np.int64)] = packed.values
    return matrix
