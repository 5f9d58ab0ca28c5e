"""A compiled network layer by layer: what the file holds joined with what the engine does with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apus.artifact import Graph, Node, read, value_bits, wide_values
from apus.bench.protocol import Inputs
from apus.runtime import Session
from apus.runtime.foreign import installed

if TYPE_CHECKING:
    from apus.compile.fed import Fed

FOREIGN = "onnxruntime"

Layer = dict[str, Any]


@dataclass(frozen=True)
class Examined:
    """A network layer by layer, and how many of its ONNX nodes the engine runs itself (both 0 where a file of one part
    does not say).

    Each layer has `name`, `op`, `shape` (of its output), `bits` (of its weights, else of its output), `density` (share
    of weights that are not zero, None without weights), `kernel`, `isa`, `bytes` (of its constants), `threads`,
    `imbalance` (of threads that share an image: the busiest one's work beyond the mean, as a share of it), `why`,
    `options` (kernels weighed, best first), and when timed `microseconds` and `share` (0 to 1, of all layers). What
    ONNX Runtime runs is one layer a part, its kernel `onnxruntime`.
    """

    layers: list[Layer]
    native: int = 0
    nodes: int = 0

    @property
    def native_share(self) -> float | None:
        """Share of the time that the engine's own layers take, 0 to 1; None when not timed."""
        if not any("share" in layer for layer in self.layers):
            return None
        return float(sum(layer["share"] for layer in self.layers if layer["kernel"] != FOREIGN))


def layers(artifact: str | Path, inputs: Inputs, *, threads: int = 1, runs: int = 100) -> list[Layer]:
    """The layers of `examine`."""
    return examine(artifact, inputs, threads=threads, runs=runs).layers


def examine(
    model: str | Path,
    inputs: Inputs,
    *,
    threads: int = 1,
    runs: int = 100,
    allow: str | None = None,
    precision: str = "fp32",
) -> Examined:
    """Describe and time every layer.

    Args:
        model: path of an `.apus` file or an ONNX model.
        inputs: one array per model input; their shapes decide the plan.
        threads: threads per layer.
        runs: timed runs, of which the median is taken; 0 only plans.
        allow: as of a session.
        precision: as of a session.

    Returns:
        What was found.
    """
    source = Path(model)
    made = source.read_bytes() if source.suffix == ".apus" else _compiled(source, threads, allow, precision)
    if isinstance(made, bytes):
        session, graph = Session(made, threads=threads, allow=allow), read(made)
        shapes = {name: array.shape for name, array in inputs.items()}
        rows = session.profile(inputs, runs) if runs else session.plan(shapes)
        return _joined(rows, own_graphs(graph), [(s.engine != FOREIGN, s.nodes) for s in graph.segments])
    rows = made.rows(dict(inputs), runs)
    return _joined(rows, made.graphs(dict(inputs)), made.parts)


def _compiled(model: Path, threads: int, allow: str | None, precision: str) -> "bytes | Fed":
    from apus.compile.fed import ready

    helped = allow != "nothing" and installed()
    return ready(
        model,
        precision=precision,
        threads=threads,
        deterministic=False,
        accuracy="accurate",
        helped=helped,
        faster=allow == "onnxruntime",
    )


def own_graphs(graph: Graph) -> list[Graph]:
    """The graphs that the engine itself runs of a network, which may be in parts."""
    return [read(s.data) for s in graph.segments if s.engine != FOREIGN] if graph.segments else [graph]


def _joined(rows: list[Layer], graphs: list[Graph], parts: list[tuple[bool, int]]) -> Examined:
    nodes: dict[str, list[tuple[Graph, Node]]] = {}
    for owner in graphs:
        for one in owner.nodes:
            nodes.setdefault(one.name, []).append((owner, one))
    total = sum(row.get("microseconds", 0.0) for row in rows) or 1.0
    found = []
    for row in rows:  # parts may have nodes of one name: in order, then
        same = nodes.get(row["name"])
        graph, node = (same.pop(0) if len(same) > 1 else same[0]) if same else (None, None)
        found.append(_layer(graph, node, row, total))
    return Examined(found, sum(count for native, count in parts if native), sum(count for _, count in parts))


def _layer(graph: Graph | None, node: Node | None, row: dict[str, Any], total: float) -> Layer:
    counts = weight_counts(graph, node) if graph and node else None
    density = counts[0] / counts[1] if counts and counts[1] else None
    layer: Layer = {
        "name": row["name"],
        "op": _operation(node) if node else row["op"],
        "shape": row.get("shape", []),
        "bits": _bits(graph, node) if graph and node else None,
        "density": density,
        "kernel": row.get("kernel", ""),
        "isa": row.get("isa", ""),
        "bytes": _bytes(graph, node) if graph and node else 0,
        "macs": row.get("macs", 0),
        "why": "; ".join(filter(None, (_why(node, row.get("density")), row.get("why"), _shared(row)))),
        "threads": row.get("threads", 1),
        "imbalance": row.get("imbalance", 0.0),
        "options": row.get("options", []),
    }
    if "microseconds" in row:
        layer |= {"microseconds": row["microseconds"], "share": row["microseconds"] / total}
    return layer


def weight_counts(graph: Graph, node: Node) -> tuple[int, int] | None:
    """Weights that are not zero, and weights that a dense layer of this shape has; None for a layer without.

    Args:
        graph: the network.
        node: one of its nodes.

    Returns:
        The two counts.
    """
    if "values" not in node.tensors:
        return None
    kept = int(np.count_nonzero(wide_values(graph.tensor(node, "values"))))
    if node.attributes["format"] == "depthwise":
        return kept, graph.tensor(node, "values").size
    columns = _columns(graph, node)
    return kept, int(node.attributes["channels"]) * columns if columns else kept


def error_bound(graph: Graph, node: Node) -> float | None:
    """How far an output may be from the exact one, as a share of Σ|w||x| + |bias|, w being the ONNX model's weights.

    Args:
        graph: the network.
        node: one of its nodes.

    Returns:
        (K + 2) · 2⁻²³, and 2⁻⁷ more with weights in bfloat16 (SPEC.md §4); None but for a layer of float32 weights.
    """
    if "values" not in node.tensors or "multiplier" in node.tensors:
        return None
    half = value_bits(graph.tensor(node, "values")) == 16
    return (_columns(graph, node) + 2) * 2.0**-23 + (2.0**-7 if half else 0)


def _columns(graph: Graph, node: Node) -> int:
    """K, the inputs that one output sums over; 0 when the file does not say."""
    value = graph.values.get(node.inputs[0])
    shape = value.shape if value else []
    size = shape[1 if node.op == "conv" else -1] if shape else 0
    if not isinstance(size, int):
        return 0
    taps: int = prod(node.attributes.get("kernel", [1]))
    return size // int(node.attributes.get("groups", 1)) * taps


def _operation(node: Node) -> str:
    """`conv 3x3 /2 + relu`, or `unary sigmoid`."""
    a = node.attributes
    words = [node.op, str(a.get("function", ""))]
    if "kernel" in a:
        words.append("x".join(map(str, a["kernel"])))
        words.append(f"/{a['strides'][0]}" if a["strides"][0] > 1 else "")
    words.append("depthwise" if a.get("format") == "depthwise" else "")
    words.append(f"+ {a['activation']}" if a.get("activation", "none") != "none" else "")
    return " ".join(word for word in words if word)


def _bits(graph: Graph, node: Node) -> int:
    if "values" in node.tensors:
        return value_bits(graph.tensor(node, "values"))
    return int(np.dtype(graph.values[node.output].dtype).itemsize) * 8


def _bytes(graph: Graph, node: Node) -> int:
    names: Sequence[str] = [*node.tensors.values(), *(name for name in node.inputs if name in graph.tensors)]
    return sum(graph.tensors[name].nbytes for name in names)


def _shared(row: dict[str, Any]) -> str:
    """How evenly threads share the layer."""
    threads, imbalance = row.get("threads", 1), row.get("imbalance", 0.0)
    return f"{threads} threads within {100 * imbalance:.1f} % of equal work" if imbalance else ""


def _why(node: Node | None, present: float | None) -> str:
    """What the kernel can skip; `present` is the engine's share of blocks, which single zeros do not lower."""
    if node is None or "values" not in node.tensors:
        return ""
    if node.attributes.get("format") == "depthwise":
        return "one input channel per output: nothing to skip"
    if present is not None and present < 1 and node.attributes.get("format") == "unstructured":
        return f"unstructured: {100 * (1 - present):.3g} % of a dense layer's products skipped"
    if present is not None and present < 1:
        return f"{100 * (1 - present):.3g} % of the blocks are zeros: skipped"
    return "all blocks present"
