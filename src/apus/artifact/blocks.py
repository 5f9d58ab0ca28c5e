"""The block formats (SPEC.md §3): pack a matrix, and unpack it for tests and `inspect`.

Dimensions: M rows (outputs), K columns (inputs), S strips of 16 rows, B blocks of 16 rows by G columns.
"""

from typing import NamedTuple

import numpy as np

from apus.artifact.few_bits import wide_values
from apus.artifact.graph import Array
from apus.artifact.weights import BLOCK_COLUMNS, ROWS


class Blocks(NamedTuple):
    """The constants of one weight: `values` [B, 16, G], `columns` [B, G] or, of block16x4, [B], `strips` [S + 1]."""

    values: Array
    columns: Array
    strips: Array


def pack(weight: Array, groups: int = 1) -> Blocks:
    """Pack a matrix into blocks, dropping those whose 16 values are all zero.

    Args:
        weight: shape [M, K], float32 (G = 1), bfloat16 as uint16 (G = 2) or int8 (G = 4); K is that of one group.
        groups: g of a grouped convolution; M must be a multiple.

    Returns:
        The three constants.

    >>> eye = pack(np.eye(32, dtype=np.float32))
    >>> eye.values.shape, eye.strips.tolist()
    ((32, 16, 1), [0, 16, 32])
    """
    columns = weight.shape[1]
    width = BLOCK_COLUMNS[weight.dtype.name]
    strips = _strips(weight, groups)
    strip, column = np.nonzero(strips.any(axis=2))
    counts = np.bincount(strip, minlength=len(strips))
    blocks_per_strip = -(-counts // width)
    ends = np.concatenate([[0], np.cumsum(blocks_per_strip)])
    rank = np.arange(len(strip)) - np.repeat(np.cumsum(counts) - counts, counts)  # place within the strip
    slot = ends[strip] * width + rank
    flat_columns = np.full(int(ends[-1]) * width, -1, np.int64)
    flat_values = np.zeros((len(flat_columns), ROWS), weight.dtype)
    flat_columns[slot], flat_values[slot] = column, strips[strip, column]
    # Padding takes the strip's last real column; columns ascend, so within a strip that is the running maximum.
    owner = np.repeat(np.arange(len(strips)), blocks_per_strip * width)
    offset = owner * (columns + 1)
    flat_columns = np.maximum.accumulate(flat_columns + offset) - offset
    return Blocks(
        np.ascontiguousarray(flat_values.reshape(-1, width, ROWS).transpose(0, 2, 1)),
        flat_columns.reshape(-1, width).astype(np.uint16 if columns <= 1 << 16 else np.uint32),
        ends.astype(np.uint32),
    )


def _strips(weight: Array, groups: int) -> Array:
    """[S, K, 16], the last strip of each group padded with zeros."""
    rows, columns = weight.shape[0] // groups, weight.shape[1]
    tall = np.zeros((groups, -(-rows // ROWS) * ROWS, columns), weight.dtype)
    tall[:, :rows] = weight.reshape(groups, rows, columns)
    return np.ascontiguousarray(tall.reshape(-1, ROWS, columns).transpose(0, 2, 1))


def pack_runs(weight: Array, groups: int = 1) -> Blocks:
    """Pack an int8 matrix into 16x4 blocks: four neighbouring columns, from a multiple of four on, one index for all.

    Args:
        weight: shape [M, K], int8; K is that of one group, a multiple of 4.
        groups: g of a grouped convolution; M must be a multiple.

    Returns:
        The three constants, `columns` of shape [B].

    >>> pack_runs(np.ones((16, 8), np.int8)).columns.tolist()
    [0, 4]
    """
    strips = _strips(weight, groups)  # [S, K, 16]
    runs = strips.reshape(len(strips), -1, 4, ROWS)
    strip, run = np.nonzero(runs.any(axis=(2, 3)))
    ends = np.concatenate([[0], np.cumsum(np.bincount(strip, minlength=len(strips)))])
    return Blocks(
        np.ascontiguousarray(runs[strip, run].transpose(0, 2, 1)),
        (run * 4).astype(np.uint16 if weight.shape[1] <= 1 << 16 else np.uint32),
        ends.astype(np.uint32),
    )


def unpack(blocks: Blocks, rows: int, columns: int, groups: int = 1) -> Array:
    """The matrix that `pack` got.

    Args:
        blocks: the three constants.
        rows: M, of all groups.
        columns: K of one group.
        groups: g.

    Returns:
        Shape [M, K]: float32 or int8.

    >>> matrix = np.arange(40, dtype=np.float32).reshape(20, 2)
    >>> bool((unpack(pack(matrix), 20, 2) == matrix).all())
    True
    """
    values, column, strips = wide_values(blocks.values), blocks.columns, blocks.strips
    if column.ndim == 1:
        column = column[:, None] + np.arange(4, dtype=column.dtype)
    tall = np.zeros((len(strips) - 1, columns, ROWS), values.dtype)
    strip = np.repeat(np.arange(len(strips) - 1), (strips[1:] - strips[:-1]).astype(np.int64))
    flat = values.transpose(0, 2, 1).reshape(-1, ROWS)
    used = flat.any(axis=1)  # padding repeats a column with zeros, which must not overwrite it
    tall[np.repeat(strip, column.shape[1])[used], column.reshape(-1)[used].astype(np.int64)] = flat[used]
    return np.ascontiguousarray(tall.transpose(0, 2, 1).reshape(groups, -1, columns)[:, : rows // groups]).reshape(
        rows, columns
    )
