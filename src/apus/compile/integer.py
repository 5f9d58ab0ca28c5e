"""Integer weights, bias and multiplier of an int8 node, by SPEC.md §4."""

from typing import NamedTuple

import numpy as np

from apus.artifact import Array, Graph, Node, Value
from apus.artifact.weights import ACCUMULATOR_LIMIT

_ROOMY = 2**24  # a bias of this size is exact as a float32


class Integers(NamedTuple):
    """`bias` int32 [M] or None, `multiplier` float32 [M]."""

    bias: Array | None
    multiplier: Array


def integer_weights(graph: Graph, node: Node, x: Value, y: Value | None) -> Integers | None:
    """What the int8 form of `node` needs beside its int8 weight.

    Args:
        graph: holds the constants.
        node: a draft `conv` or `linear` with `weight_scale`.
        x: the quantised input.
        y: the quantised output, or None for a float32 result.

    Returns:
        Bias in units of s_x·s_w and the multiplier; None where a row would overflow int32.
    """
    weight = graph.tensor(node, "weight").astype(np.int64)
    unit = np.float32(x.scale) * graph.tensor(node, "weight_scale").astype(np.float32)
    sums = np.abs(weight).reshape(len(weight), -1).sum(axis=1)
    bias, unit = _bias(graph, node, unit, empty=sums == 0)
    if (255 * sums + (0 if bias is None else np.abs(bias)) >= ACCUMULATOR_LIMIT).any():
        return None
    multiplier = unit if y is None else unit / np.float32(y.scale)
    if not np.isfinite(multiplier).all():
        return None
    return Integers(None if bias is None else bias.astype(np.int32), multiplier.astype(np.float32))


def _bias(graph: Graph, node: Node, unit: Array, empty: Array) -> tuple[Array | None, Array]:
    """Bias as int64 and the unit of each row.

    A row without weights may take any unit, so one is chosen that its bias fits: its own s_w is often tiny.
    """
    if "bias" not in node.tensors:
        return None, unit
    given = graph.tensor(node, "bias")
    if "bias_scale" in node.tensors:
        scale = graph.tensor(node, "bias_scale")
        if np.allclose(scale, unit, rtol=1e-5, atol=0):
            return given.astype(np.int64), unit
        given = given.astype(np.float64) * scale
    real = given.astype(np.float64)
    unit = np.where(empty & (real != 0), np.abs(real) / _ROOMY, unit).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(real == 0, 0.0, np.rint(real / unit.astype(np.float64)))
    return np.clip(steps, -ACCUMULATOR_LIMIT, ACCUMULATOR_LIMIT).astype(np.int64), unit
