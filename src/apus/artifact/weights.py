"""The packed weights of one node against its shapes (SPEC.md §3, §6.8), without a Python loop over blocks."""

import math

import numpy as np

from apus.artifact.few_bits import wide_values
from apus.artifact.graph import Array, Graph, Node, Value
from apus.artifact.operators import QUANTISED_ACTIVATIONS
from apus.errors import ArtifactError

ROWS = 16  # of a strip
BLOCK_COLUMNS = {"float32": 1, "uint16": 2, "int8": 4}  # G of SPEC.md §3; uint16 is bfloat16
ACCUMULATOR_LIMIT = 2**31


def rows_and_columns(node: Node, x: Value, where: str) -> tuple[int, int, int]:
    """groups, and M and K of one group, from attributes and the declared shape of the input."""
    axis = 1 if node.op == "conv" else -1
    if not x.shape or isinstance(x.shape[axis], str):
        raise ArtifactError(f"{where}: the input's channel dimension must be an integer, in {x.shape}")
    channels, rows, groups = int(x.shape[axis]), int(node.attributes["channels"]), int(node.attributes.get("groups", 1))
    if channels % groups or rows % groups:
        raise ArtifactError(f"{where}: {groups} groups divide neither {channels} input nor {rows} output channels")
    columns = channels // groups * math.prod(node.attributes.get("kernel", []))
    if not 1 <= columns < 2**63:
        raise ArtifactError(f"{where}: {columns} input columns; at least 1, and fewer than 2^63, are needed")
    return groups, rows // groups, columns


def check(node: Node, graph: Graph, where: str) -> None:
    """Check every constant of a `conv` or `linear`; ArtifactError names node, role and rule."""
    x, y = graph.values[node.inputs[0]], graph.values[node.output]
    groups, rows, columns = rows_and_columns(node, x, where)
    arrays = {role: graph.tensors[name] for role, name in node.tensors.items()}
    integer = _check_dtypes(node, arrays, x, y, where)
    for role in {"bias", "multiplier"} & arrays.keys():
        _expect(arrays[role].shape == (groups * rows,), f"{where}, {role}: shape {arrays[role].shape} is not [M]")
    if node.attributes["format"] == "depthwise":
        _expect(groups == x.shape[1], f"{where}: depthwise needs groups = input channels")
        _expect(not {"columns", "strips"} & arrays.keys(), f"{where}: depthwise has neither columns nor strips")
        shape = (groups * rows, columns)
        _expect(arrays["values"].shape == shape, f"{where}, values: shape {arrays['values'].shape} is not {shape}")
        sums = np.abs(arrays["values"].astype(np.int64)).sum(axis=1) if integer else None
    elif node.attributes["format"] == "unstructured":
        _check_unstructured(arrays, (groups * rows, columns), where)
        sums = _unstructured_sums(arrays) if integer else None
    else:
        width = BLOCK_COLUMNS["int8" if integer else arrays["values"].dtype.name]
        arrays["values"] = _real_values(arrays, integer, where)
        _check_blocks(arrays, width, node.attributes["format"] == "block16x4", (groups, rows, columns), where)
        sums = _row_sums(arrays, groups, rows) if integer else None
    if sums is not None:
        bias = np.abs(arrays["bias"].astype(np.int64)) if "bias" in arrays else 0
        _expect(bool((255 * sums + bias < ACCUMULATOR_LIMIT).all()), f"{where}, values: a row could overflow int32")


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise ArtifactError(message)


def _check_dtypes(node: Node, arrays: dict[str, Array], x: Value, y: Value, where: str) -> bool:
    integer = x.quantised
    _expect(integer or x.dtype == "float32", f"{where}: input is {x.dtype}, neither float32 nor quantised")
    _expect(y.dtype == "float32" or (integer and y.quantised), f"{where}: output is {y.dtype}, which its input forbids")
    wanted = {"values": "int8", "bias": "int32"} if integer else {"values": "float32", "bias": "float32"}
    wanted |= {"multiplier": "float32", "strips": "uint32"}
    blocks = node.attributes["format"] in ("block16x1", "block16x4")
    if blocks and arrays["values"].dtype == (np.uint8 if integer else np.uint16):
        del wanted["values"]  # of 4 or 2 bits, or bfloat16
    for role, dtype in wanted.items():
        if role in arrays:
            _expect(arrays[role].dtype.name == dtype, f"{where}, {role}: {arrays[role].dtype.name}, not {dtype}")
    _expect(integer == ("multiplier" in arrays), f"{where}: multiplier goes with int8 weights, and only with them")
    if integer:
        multiplier = arrays["multiplier"]
        _expect(bool(np.isfinite(multiplier).all() and (multiplier >= 0).all()), f"{where}, multiplier: not finite ≥ 0")
    for role in () if integer else {"values", "bias"} & arrays.keys():
        _expect(bool(np.isfinite(wide_values(arrays[role])).all()), f"{where}, {role}: not finite")
    fused = node.attributes.get("activation", "none")
    _expect(not y.quantised or fused in QUANTISED_ACTIVATIONS, f"{where}: activation {fused} with a quantised output")
    return integer


def _real_values(arrays: dict[str, Array], integer: bool, where: str) -> Array:
    values = arrays["values"]
    if integer and values.dtype == np.uint8:
        few = values.ndim == 2 and values.shape[1] in (16, 32)
        _expect(few, f"{where}, values: shape {values.shape} is neither [B, 32] (4 bits) nor [B, 16] (2 bits)")
    return wide_values(values)


def _check_blocks(arrays: dict[str, Array], width: int, runs: bool, size: tuple[int, int, int], where: str) -> None:
    _expect({"columns", "strips"} <= arrays.keys(), f"{where}: blocks need columns and strips")
    values, column, strips = arrays["values"], arrays["columns"], arrays["strips"]
    groups, rows, columns = size
    count = groups * -(-rows // ROWS)
    _expect(values.ndim == 3 and values.shape[1:] == (ROWS, width), f"{where}, values: shape {values.shape}")
    _expect(not runs or (width == 4 and columns % 4 == 0), f"{where}: block16x4 needs int8 weights, K a multiple of 4")
    wanted = (len(values),) if runs else (len(values), width)
    _expect(column.shape == wanted, f"{where}, columns: shape {column.shape} does not match values")
    _expect(column.dtype.name in ("uint16", "uint32"), f"{where}, columns: {column.dtype.name}")
    _expect(strips.shape == (count + 1,), f"{where}, strips: shape {strips.shape} is not ({count + 1},)")
    ends = strips.astype(np.int64)
    _expect(ends[0] == 0 and ends[-1] == len(values), f"{where}, strips: do not span the {len(values)} blocks")
    _expect(bool((np.diff(ends) >= 0).all()), f"{where}, strips: fall")
    _expect(bool((column < columns).all()), f"{where}, columns: one is not below {columns}")
    _expect(not runs or not (column % 4).any(), f"{where}, columns: a run starts at no multiple of 4")
    _check_order(values, column.astype(np.int64), ends, where)
    spare = rows % ROWS
    for last in range(-(-rows // ROWS) - 1, count, -(-rows // ROWS)) if spare else ():
        tail = values[ends[last] : ends[last + 1], spare:]
        _expect(not tail.any(), f"{where}, values: rows beyond the last output are not zero")


def _check_order(values: Array, column: Array, ends: Array, where: str) -> None:
    width = column.size // max(1, len(column))
    flat = column.reshape(-1)
    used = values.any(axis=1).reshape(-1) if column.ndim == 2 else np.ones(len(flat), bool)  # runs have no padding
    step = np.diff(flat)
    step[ends[(ends > 0) & (ends < len(values))] * width - 1] = 1  # a new strip may start anywhere
    legal = (step > 0) | ((step == 0) & ~used[1:])
    _expect(bool(legal.all()), f"{where}, columns: do not ascend within a strip")


def _check_unstructured(arrays: dict[str, Array], size: tuple[int, int], where: str) -> None:
    _expect({"columns", "strips"} <= arrays.keys(), f"{where}: unstructured weights need columns and strips")
    values, column, strips = arrays["values"], arrays["columns"], arrays["strips"]
    rows, columns = size
    _expect(values.ndim == 1, f"{where}, values: shape {values.shape} is not [B]")
    _expect(column.shape == values.shape, f"{where}, columns: shape {column.shape} does not match values")
    _expect(column.dtype.name in ("uint16", "uint32"), f"{where}, columns: {column.dtype.name}")
    _expect(strips.shape == (rows + 1,), f"{where}, strips: shape {strips.shape} is not ({rows + 1},)")
    starts = strips.astype(np.int64)
    _expect(starts[0] == 0 and starts[-1] == len(values), f"{where}, strips: do not span the {len(values)} weights")
    _expect(bool((np.diff(starts) >= 0).all()), f"{where}, strips: fall")
    _expect(bool((column < columns).all()), f"{where}, columns: one is not below {columns}")
    step = np.diff(column.astype(np.int64))
    step[starts[(starts > 0) & (starts < len(values))] - 1] = 1  # a new row may start anywhere
    _expect(bool((step > 0).all()), f"{where}, columns: do not ascend within a row")


def _unstructured_sums(arrays: dict[str, Array]) -> Array:
    """Σ|w| of every row, shape [M]."""
    running = np.concatenate([[0], np.abs(arrays["values"].astype(np.int64)).cumsum()])
    return np.asarray(np.diff(running[arrays["strips"].astype(np.int64)]))


def _row_sums(arrays: dict[str, Array], groups: int, rows: int) -> Array:
    """Σ|w| of every row, shape [M]."""
    blocks = np.abs(arrays["values"].astype(np.int32)).sum(axis=2, dtype=np.int64)
    running = np.concatenate([np.zeros((1, ROWS), np.int64), blocks.cumsum(axis=0)])
    ends = arrays["strips"].astype(np.int64)
    sums = running[ends[1:]] - running[ends[:-1]]
    return np.asarray(sums.reshape(groups, -1)[:, :rows].reshape(-1))
