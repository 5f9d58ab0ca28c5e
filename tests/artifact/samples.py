"""Small graphs that between them use every operation, dtype and role of SPEC.md."""

from typing import Any

import numpy as np

from apus.artifact import (
    Array,
    Graph,
    Node,
    Segment,
    Value,
    narrow,
    pack,
    pack_runs,
    pack_unstructured,
    to_bfloat16,
    to_bytes,
)


class Builder:
    """Appends nodes whose output has the same name as the node."""

    def __init__(self, seed: int = 0) -> None:
        self.graph = Graph("sample", [], [])
        self.random = np.random.default_rng(seed)

    def input(self, name: str, value: Value) -> str:
        self.graph.inputs.append(name)
        self.graph.values[name] = value
        return name

    def tensor(self, name: str, array: Array) -> str:
        self.graph.tensors[name] = array
        return name

    def node(self, op: str, inputs: list[str], output: Value, roles: dict[str, Array] | None = None, **a: Any) -> str:
        name = f"{op}{len(self.graph.nodes)}"
        tensors = {role: self.tensor(f"{name}.{role}", array) for role, array in (roles or {}).items()}
        self.graph.nodes.append(Node(op, name, inputs, [name], a, tensors))
        self.graph.values[name] = output
        return name

    def weights(self, rows: int, columns: int, dtype: str, density: float = 0.5, groups: int = 1) -> dict[str, Array]:
        """Roles of a random 16x1-sparse matrix [rows, columns]; of dtype `bfloat16`, too."""
        strips = -(-rows // 16)
        mask = np.repeat(self.random.random((strips, columns)) < density, 16, axis=0)[:rows]
        matrix = self.random.integers(-90, 90, (rows, columns)) * mask
        stored = to_bfloat16(matrix / 3) if dtype == "bfloat16" else matrix.astype(dtype)
        roles: dict[str, Array] = dict(pack(stored, groups)._asdict())
        roles["bias"] = self.random.integers(-9, 9, rows).astype("int32" if dtype == "int8" else "float32")
        if dtype == "int8":
            roles["multiplier"] = self.random.uniform(0.001, 0.01, rows).astype(np.float32)
        return roles

    def single_weights(self, rows: int, columns: int, dtype: str, density: float = 0.2) -> dict[str, Array]:
        """Roles of a random unstructured matrix, with an empty row and a full one."""
        keep = self.random.random((rows, columns)) < density
        keep[0], keep[-1] = False, True
        roles: dict[str, Array] = dict(
            pack_unstructured((self.random.integers(-90, 90, (rows, columns)) * keep).astype(dtype))._asdict()
        )
        if dtype == "int8":
            roles["multiplier"] = self.random.uniform(0.001, 0.01, rows).astype(np.float32)
        return roles

    def narrow_weights(self, rows: int, columns: int, bits: int, runs: bool) -> dict[str, Array]:
        """Roles of a random matrix of few bits, in 16x4 blocks or 16x1."""
        matrix = self.random.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (rows, columns)).astype(np.int8)
        matrix[:, : columns // 2 : 8] = 0
        blocks = (pack_runs if runs else pack)(matrix)
        roles: dict[str, Array] = dict(blocks._replace(values=narrow(blocks.values))._asdict())
        return roles | {"multiplier": np.full(rows, 0.01, np.float32)}


WINDOW = {"kernel": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1], "dilations": [1, 1]}


def quantised(*shape: int | str, zero_point: int = 7, scale: float = 0.05) -> Value:
    return Value("uint8", list(shape), float(np.float32(scale)), zero_point)


def real(*shape: int | str) -> Value:
    return Value("float32", list(shape))


def int8_graph() -> Graph:
    """quantize, int8 convolutions of both formats, byte moves, pools, and an int8 linear."""
    b = Builder()
    x = b.input("image", real("batch", 2, 6, 6))
    q = b.node("quantize", [x], quantised("batch", 2, 6, 6))
    conv = {"groups": 1, "channels": 20, "format": "block16x1", "activation": "relu"}
    c = b.node("conv", [q], quantised("batch", 20, 6, 6), b.weights(20, 18, "int8"), **WINDOW, **conv)
    depthwise = {
        "values": b.random.integers(-9, 9, (20, 9)).astype(np.int8),
        "multiplier": np.full(20, 0.01, np.float32),
    }
    d = b.node(
        "conv", [c], quantised("batch", 20, 6, 6), depthwise, **WINDOW, groups=20, channels=20, format="depthwise"
    )
    s = b.node("binary", [c, d], quantised("batch", 20, 6, 6), function="add", activation="clip", clip=[0, None])
    p = b.node(
        "max_pool", [s], quantised("batch", 20, 3, 3), kernel=[2, 2], strides=[2, 2], pads=[0] * 4, dilations=[1, 1]
    )
    m = b.node("reduce", [p], quantised("batch", 20), function="mean", axes=[2, 3], keepdims=0)
    y = b.node("linear", [m], real("batch", 10), b.weights(10, 20, "int8"), channels=10, format="block16x1")
    u = b.node("unary", [m], quantised("batch", 20, zero_point=3), function="sigmoid")
    b.graph.outputs = [y, b.node("cast", [u], Value("int8", ["batch", 20]))]
    b.graph.metadata = {"source": "sample", "recipe": {"bits": 8}}
    return b.graph


def float_graph() -> Graph:
    """The float32 operations, one or two dimensional."""
    b = Builder(1)
    x = b.input("sound", real("batch", 4, "time"))
    line = {"kernel": [3], "strides": [1], "pads": [1, 1], "dilations": [1], "groups": 2, "channels": 6}
    c = b.node(
        "conv", [x], real("batch", 6, "time"), b.weights(6, 6, "float32", groups=2), **line, format="block16x1",
        activation="leaky_relu", alpha=0.1,
    )  # fmt: skip
    p = b.node("pad", [c], real("batch", 6, "padded"), pads=[0, 0, 1, 0, 0, 1], mode="constant", value=0.5)
    a = b.node("avg_pool", [p], real("batch", 6, "time"), kernel=[3], strides=[1], pads=[0, 0], dilations=[1])
    k = b.node("concat", [c, a], real("batch", 12, "time"), axis=1)
    t = b.node("transpose", [k], real("batch", "time", 12), perm=[0, 2, 1])
    w = b.node("linear", [t], real("batch", "time", 17), b.weights(17, 12, "float32"), channels=17, format="block16x1")
    v = b.node("unary", [w], real("batch", "time", 17), function="clip", clip=[None, 6.0])
    s = b.node("slice", [v], real("batch", "time", 8), starts=[1], ends=[9], axes=[2], steps=[1])
    m = b.node("matmul", [s, b.tensor("projection", np.eye(8, 3, dtype=np.float32))], real("batch", "time", 3))
    n = b.node("binary", [m, b.tensor("shift", np.float32([1, 2, 3]))], real("batch", "time", 3), function="mul")
    f = b.node("softmax", [n], real("batch", "time", 3), axis=-1)
    scale = {"multiplier": np.float32([1, -2, 3]), "bias": np.float32([0, 1, 0])}
    f = b.node("layer_norm", [f, n], real("batch", "time", 3), scale, epsilon=1e-5)
    h = b.node("attention", [t, t, t], real("batch", "time", 6), heads=2, channels=6, offsets=[0, 6, 3], factor=0.5)
    state, gates = b.input("state", real("batch", 4)), b.input("gates", real("time", "batch", 16))
    w = b.node(
        "recurrent", [state, gates, state], real("time", "batch", 8), b.weights(16, 4, "float32"), channels=16,
        format="block16x1", reverse=1,
    )  # fmt: skip
    r = b.node("reshape", [f], real("batch", "elements"), shape=[0, -1])
    b.graph.outputs = [r, h, w, b.node("flatten", [x], real("batch", "features"), axis=1)]
    return b.graph


def bytes_graph() -> Graph:
    """Signed bytes in and out."""
    b = Builder(2)
    x = b.input("x", Value("int8", [2, 5]))
    q = b.node("cast", [x], quantised(2, 5, zero_point=128))
    y = b.node("dequantize", [q], real(2, 5))
    b.graph.outputs = [y, b.node("cast", [y], Value("int64", [2, 5]))]
    return b.graph


def few_bits_graph() -> Graph:
    """int8 layers whose weights take 4 and 2 bits, in blocks of both kinds, and int8 in 16x4."""
    b = Builder(3)
    q = b.input("q", quantised("batch", 8, 3, 3))
    conv = {"groups": 1, "channels": 20, "activation": "relu"}
    c = b.node(
        "conv", [q], quantised("batch", 20, 3, 3), b.narrow_weights(20, 72, 4, False), **WINDOW, **conv,
        format="block16x1",
    )  # fmt: skip
    f = b.node("flatten", [c], quantised("batch", 180), axis=1)
    h = b.node(
        "linear", [f], quantised("batch", 24), b.narrow_weights(24, 180, 2, True), channels=24, format="block16x4"
    )
    y = b.node("linear", [h], real("batch", 17), b.narrow_weights(17, 24, 8, True), channels=17, format="block16x4")
    b.graph.outputs = [y]
    return b.graph


def unstructured_graph() -> Graph:
    """Single weights in float32 and int8, of a grouped convolution and of linear layers."""
    b = Builder(4)
    x = b.input("x", real("batch", 4, 5, 5))
    conv = {"groups": 2, "channels": 20, "format": "unstructured"}
    c = b.node("conv", [x], real("batch", 20, 5, 5), b.single_weights(20, 18, "float32"), **WINDOW, **conv)
    f = b.node("flatten", [c], real("batch", 500), axis=1)
    h = b.node(
        "linear", [f], real("batch", 17), b.single_weights(17, 500, "float32", 0.02), channels=17,
        format="unstructured", activation="relu",
    )  # fmt: skip
    q = b.node("quantize", [h], quantised("batch", 17))
    y = b.node("linear", [q], real("batch", 33), b.single_weights(33, 17, "int8"), channels=33, format="unstructured")
    b.graph.outputs = [y]
    return b.graph


def bf16_graph() -> Graph:
    """Layers whose weights are stored in bfloat16, some strips with padding."""
    b = Builder(5)
    x = b.input("image", real("batch", 6, 5, 5))
    conv = {"groups": 2, "channels": 40, "format": "block16x1", "activation": "relu"}
    c = b.node("conv", [x], real("batch", 40, 5, 5), b.weights(40, 27, "bfloat16", groups=2), **WINDOW, **conv)
    f = b.node("flatten", [c], real("batch", 1000), axis=1)
    y = b.node("linear", [f], real("batch", 17), b.weights(17, 1000, "bfloat16", 0.1), channels=17, format="block16x1")
    state, gates = b.input("state", real("batch", 5)), b.input("gates", real("time", "batch", 15))
    r = b.node(
        "recurrent", [state, gates], real("time", "batch", 5), b.weights(15, 5, "bfloat16"), channels=15,
        format="block16x1",
    )  # fmt: skip
    b.graph.outputs = [y, r]
    return b.graph


def segments_graph() -> Graph:
    """A part of ours between two for ONNX Runtime, whose bytes are anything to the readers."""
    b = Builder()
    x = b.input("a", real("batch", 8))
    y = b.node("linear", [x], real("batch", 20), b.weights(20, 8, "float32"), channels=20, format="block16x1")
    b.graph.outputs = [y]
    whole = Graph("parts", ["x"], ["y", y], metadata={"source": "sample"})
    whole.values = {"x": Value("int64", ["batch"]), "a": real("batch", 8), y: real("batch", 20), "y": real(20)}
    whole.segments = [
        Segment("onnxruntime", ["x"], ["a"], b"an ONNX model", 3, "operator Strange is not supported"),
        Segment("apus", ["a"], [y], to_bytes(b.graph), 1),
        Segment("onnxruntime", [y, "x"], ["y"], b"another", 2, "measured 10 µs against 20"),
    ]
    return whole


GRAPHS = {
    "bf16": bf16_graph,
    "few_bits": few_bits_graph,
    "unstructured": unstructured_graph,
    "int8": int8_graph,
    "float": float_graph,
    "bytes": bytes_graph,
    "segments": segments_graph,
}
