"""One-operator graphs for the engine's tests, and how to run them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apus import _native
from apus.artifact import Array, Graph, Node, Value, pack, pack_unstructured, to_bytes

sys.path.insert(0, str(Path(__file__).parent.parent))
import oracle


@dataclass
class Case:
    """A graph, what to feed it, and how close to the oracle its floats (relative and absolute) and bytes must come."""

    name: str
    graph: Graph
    feed: dict[str, Array]
    tolerance: float = 2e-6
    levels: int = 0

    def expected(self) -> list[Array]:
        outputs = oracle.run(self.graph, self.feed)
        return [outputs[name] for name in self.graph.outputs]


def real(*shape: int | str) -> Value:
    return Value("float32", list(shape))


def quantised(*shape: int | str, scale: float = 0.05, zero_point: int = 117) -> Value:
    return Value("uint8", list(shape), float(np.float32(scale)), zero_point)


def random_array(value: Value, random: np.random.Generator) -> Array:
    shape = [int(d) for d in value.shape]
    if value.dtype == "float32":
        return (random.standard_normal(shape) * 3).astype(np.float32)
    info = np.iinfo(value.dtype) if value.dtype != "bool" else np.iinfo("uint8")
    array = random.integers(max(info.min, -(2**20)), min(info.max, 2**20), shape, endpoint=True)
    return array.astype(value.dtype) if value.dtype != "bool" else array > 100


def single(
    op: str,
    inputs: Sequence[Value | Array],
    output: Value,
    roles: dict[str, Array] | None = None,
    *,
    feed: dict[str, Array] | None = None,
    **attributes: Any,
) -> tuple[Graph, dict[str, Array]]:
    """A graph of one node; an input is a value, fed at random unless `feed` has it, or an array that is a tensor."""
    random = np.random.default_rng(len(inputs))
    graph = Graph("one", [], ["y"], {"y": output})
    fed, names = {}, []
    for i, given in enumerate(inputs):
        name = f"x{i}"
        names.append(name)
        if isinstance(given, Value):
            graph.inputs.append(name)
            graph.values[name] = given
            fed[name] = feed[name] if feed and name in feed else random_array(given, random)
        else:
            graph.tensors[name] = given
    graph.tensors |= {f"w.{role}": array for role, array in (roles or {}).items()}
    graph.nodes = [Node(op, f"the {op}", names, ["y"], attributes, {role: f"w.{role}" for role in roles or {}})]
    return graph, fed


def packed_weights(rows: int, columns: int, dtype: str, groups: int = 1, density: float = 0.4) -> dict[str, Array]:
    """Roles of a random 16x1-sparse matrix, with bias and multiplier."""
    random = np.random.default_rng(rows * 1000 + columns)
    mask = np.repeat(random.random((-(-rows // 16), columns)) < density, 16, axis=0)[:rows]
    matrix = (
        random.integers(-127, 128, (rows, columns)) * mask
        if dtype == "int8"
        else random.standard_normal((rows, columns)) * mask
    )
    return dict(pack(matrix.astype(dtype), groups)._asdict()) | bias_and_multiplier(rows, columns, dtype)


def single_weights(rows: int, columns: int, dtype: str, density: float = 0.15) -> dict[str, Array]:
    """The same, unstructured: of the rows one is empty and one is full."""
    random = np.random.default_rng(rows * 1000 + columns)
    keep = random.random((rows, columns)) < density
    keep[0], keep[-1] = False, True
    values = random.integers(-127, 128, keep.shape) if dtype == "int8" else random.standard_normal(keep.shape)
    return dict(pack_unstructured((values * keep).astype(dtype))._asdict()) | bias_and_multiplier(rows, columns, dtype)


def bias_and_multiplier(rows: int, columns: int, dtype: str) -> dict[str, Array]:
    random = np.random.default_rng(rows)
    if dtype == "float32":
        return {"bias": random.standard_normal(rows).astype(np.float32)}
    spread = 40 / (127 * 80 * np.sqrt(columns))  # results that use most of 0..255, and saturate at times
    return {
        "bias": random.integers(-5000, 5000, rows).astype(np.int32),
        "multiplier": (random.uniform(0.5, 3, rows) * spread).astype(np.float32),
    }


def load(graph: Graph, threads: int = 1, parallel_cycles: float = 0) -> "_native.Session":
    return _native.Session(_native.Model.from_bytes(to_bytes(graph)), threads, parallel_cycles)


def run(graph: Graph, feed: dict[str, Array], threads: int = 1) -> list[Array]:
    """Outputs of the engine; every step that can be shared among threads is."""
    outputs: list[Array] = load(graph, threads).run([feed[name] for name in graph.inputs])
    return outputs
