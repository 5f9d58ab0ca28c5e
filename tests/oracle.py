"""A slow NumPy interpreter of `apus.artifact.Graph`: the oracle of SPEC.md §4-5 for tests of compiler and engine.

    from oracle import run
    outputs = run(graph, {"image": array})

float32 values are computed in float32; int8 nodes exactly as SPEC.md §4 says, so the engine must match their bytes.
"""

import math
from typing import Any

import numpy as np

import plain
from apus.artifact import Array, Blocks, Graph, Node, Unstructured, Value, unpack, unpack_unstructured

_erf = np.frompyfunc(math.erf, 1, 1)


def run(graph: Graph, feed: dict[str, Array]) -> dict[str, Array]:
    """Outputs of `graph` by name; quantised values are bytes."""
    env: dict[str, Array] = {name: np.asarray(array) for name, array in feed.items()}
    env |= {name: graph.tensors[name] for name in graph.tensors}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            env[node.output] = _node(node, graph, env)
            _check_shape(graph.values[node.output], env[node.output], node)
    return {name: env[name] for name in graph.outputs}


def _check_shape(value: Value, array: Array, node: Node) -> None:
    agrees = len(value.shape) == array.ndim and all(
        isinstance(d, str) or d == n for d, n in zip(value.shape, array.shape, strict=True)
    )
    assert agrees, f"{node.op} {node.name}: declared {value.shape}, computed {array.shape}"
    assert value.dtype == array.dtype.name, f"{node.op} {node.name}: declared {value.dtype}, computed {array.dtype}"


def dequantise(array: Array, value: Value) -> Array:
    """scale · (q − zero_point), in float32."""
    return (np.float32(value.scale) * (array.astype(np.int32) - value.zero_point).astype(np.float32)).astype(np.float32)


def quantise(array: Array, value: Value) -> Array:
    """clamp(round_half_even(x / scale) + zero_point, 0, 255)."""
    return np.clip(np.rint(array / np.float32(value.scale)) + value.zero_point, 0, 255).astype(np.uint8)


def _node(node: Node, graph: Graph, env: dict[str, Array]) -> Array:
    y = graph.values[node.output]
    plain_result = plain.run(node, [env[name] for name in node.inputs])
    if plain_result is not None:
        return np.asarray(plain_result, y.dtype)
    first = graph.values.get(node.inputs[0])
    if node.op in ("conv", "linear"):
        return _matrix(node, graph, env)
    if node.op == "layer_norm":
        return _layer_norm(node, graph, [env[name] for name in node.inputs])
    if node.op == "attention":
        return _attention(node, [env[name].astype(np.float64) for name in node.inputs])
    if node.op == "recurrent":
        return _recurrent(node, graph, [env[name].astype(np.float64) for name in node.inputs])
    if node.op == "quantize":
        return quantise(env[node.inputs[0]], y)
    if node.op == "dequantize":
        return dequantise(env[node.inputs[0]], first)
    if node.op == "cast":
        return _cast(env[node.inputs[0]], first, y)
    if node.op in ("reshape", "flatten", "transpose", "slice"):
        return _move(node, env[node.inputs[0]])
    inputs = [
        dequantise(env[name], graph.values[name])
        if name in graph.values and graph.values[name].quantised
        else env[name]
        for name in node.inputs
    ]
    result = _real(node, inputs)
    result = _activate(result, node.attributes) if node.op == "binary" else result
    return quantise(result, y) if y.quantised else np.asarray(result, y.dtype)


def _cast(x: Array, before: Value, after: Value) -> Array:
    if after.quantised or before.quantised:
        return (x.astype(np.int32) + (128 if after.quantised else -128)).astype(after.dtype)
    return x.astype(after.dtype)


def _move(node: Node, x: Array) -> Array:
    a = node.attributes
    if node.op == "reshape":
        return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(a["shape"])])
    if node.op == "flatten":
        return x.reshape(math.prod(x.shape[: a["axis"]]), -1)
    if node.op == "transpose":
        return x.transpose(a["perm"])
    cut = [slice(None)] * x.ndim
    for start, end, axis, step in zip(a["starts"], a["ends"], a["axes"], a["steps"], strict=True):
        cut[axis] = slice(start, None if end <= -(2**31) + 1 and step < 0 else end, step)
    return x[tuple(cut)]


def weight_matrix(node: Node, graph: Graph) -> Array:
    """Weights of a packed `conv` or `linear`, [M, K]."""
    values = graph.tensor(node, "values")
    if node.attributes["format"] == "depthwise":
        return values
    constants = values, graph.tensor(node, "columns"), graph.tensor(node, "strips")
    a, x = node.attributes, graph.values[node.inputs[0]].shape
    groups = a.get("groups", 1)
    columns = int(x[1]) // groups * math.prod(a["kernel"]) if node.op == "conv" else int(x[-1])
    if a["format"] == "unstructured":
        return unpack_unstructured(Unstructured(*constants), columns)
    return unpack(Blocks(*constants), a["channels"], columns, groups)


def _matrix(node: Node, graph: Graph, env: dict[str, Array]) -> Array:
    x, y = graph.values[node.inputs[0]], graph.values[node.output]
    matrix = weight_matrix(node, graph)
    kind = np.int64 if x.quantised else np.float64  # float64 has no rounding to speak of, so it bounds float32's
    given = env[node.inputs[0]].astype(kind) - (x.zero_point if x.quantised else 0)
    acc = _conv(given, matrix.astype(kind), node.attributes) if node.op == "conv" else given @ matrix.astype(kind).T
    shape = [-1] + [1] * (acc.ndim - 2) if node.op == "conv" else [-1]
    if "bias" in node.tensors:
        acc = acc + graph.tensor(node, "bias").astype(kind).reshape(shape)
    if not x.quantised:
        return _activate(acc.astype(np.float32), node.attributes)
    v = acc.astype(np.float32) * graph.tensor(node, "multiplier").reshape(shape)
    if not y.quantised:
        return _activate(v, node.attributes)
    low, high = _byte_range(node.attributes, y)
    return np.clip(np.rint(v) + y.zero_point, low, high).astype(np.uint8)


def _byte_range(a: dict[str, Any], y: Value) -> tuple[int, int]:
    ends = {"none": [None, None], "relu": [0.0, None], "clip": a.get("clip")}[a.get("activation", "none")]
    low, high = (None if end is None else int(quantise(np.float32(end), y)) for end in ends)
    return 0 if low is None else low, 255 if high is None else high


def _conv(x: Array, matrix: Array, a: dict[str, Any]) -> Array:
    windows = _windows(x, a, 0)  # [N, C, K..., out...]
    n, c = windows.shape[:2]
    rank = len(a["kernel"])
    out = windows.shape[2 + rank :]
    groups = a["groups"]
    columns = windows.reshape(n, groups, c // groups * math.prod(a["kernel"]), math.prod(out))
    rows = matrix.reshape(groups, -1, matrix.shape[1])
    return np.einsum("gmk,ngkp->ngmp", rows, columns).reshape(n, len(matrix), *out)


def _windows(x: Array, a: dict[str, Any], fill: float, extra: tuple[int, ...] = (0, 0)) -> Array:
    """[N, C, kernel..., out...]; `extra` pads at the ends, for ceil_mode."""
    rank = len(a["kernel"])
    pads = [(0, 0), (0, 0), *((a["pads"][i], a["pads"][i + rank] + extra[i]) for i in range(rank))]
    padded = np.pad(x, pads, constant_values=fill)
    out = [
        (padded.shape[i + 2] - a["dilations"][i] * (a["kernel"][i] - 1) - 1) // a["strides"][i] + 1 for i in range(rank)
    ]
    result = np.empty((*x.shape[:2], *a["kernel"], *out), x.dtype)
    for tap in np.ndindex(*a["kernel"]):
        cut = tuple(
            slice(t * d, t * d + (o - 1) * s + 1, s)
            for t, d, o, s in zip(tap, a["dilations"], out, a["strides"], strict=True)
        )
        result[(slice(None), slice(None), *tap)] = padded[(slice(None), slice(None), *cut)]
    return result


def _pool(x: Array, a: dict[str, Any], maximum: bool) -> Array:
    rank = len(a["kernel"])
    extra = [0] * 2
    for i in range(rank if a.get("ceil_mode", 0) else 0):
        whole = x.shape[i + 2] + a["pads"][i] + a["pads"][i + rank]
        span = whole - a["dilations"][i] * (a["kernel"][i] - 1) - 1
        steps = -(-span // a["strides"][i])
        if steps * a["strides"][i] >= x.shape[i + 2] + a["pads"][i]:
            steps -= 1
        extra[i] = max(steps * a["strides"][i] - span, 0)
    axes = tuple(range(2, 2 + rank))
    if maximum:
        return _windows(x, a, -np.inf, tuple(extra)).max(axis=axes)
    total = _windows(x, a, 0, tuple(extra)).sum(axis=axes)
    ones = np.ones_like(x)
    if a.get("count_include_pad", 0):
        padded = [(0, 0), (0, 0), *((a["pads"][i], a["pads"][i + rank]) for i in range(rank))]
        ones = np.pad(ones, padded, constant_values=1)
        a = a | {"pads": [0] * (2 * rank)}
    return total / _windows(ones, a, 0, tuple(extra)).sum(axis=axes)


def _real(node: Node, inputs: list[Array]) -> Array:
    a, x = node.attributes, inputs[0]
    if node.op == "matmul":
        return np.matmul(*inputs)
    if node.op == "binary":
        functions = {
            "add": np.add,
            "sub": np.subtract,
            "mul": np.multiply,
            "div": np.divide,
            "max": np.maximum,
            "min": np.minimum,
            "pow": np.power,
        }
        return functions[a["function"]](*inputs)
    if node.op == "unary":
        return unary(x, a["function"], a)
    if node.op in ("max_pool", "avg_pool"):
        return _pool(x, a, node.op == "max_pool")
    if node.op == "reduce":
        function = {"mean": np.mean, "sum": np.sum, "max": np.max, "min": np.min, "prod": np.prod}[a["function"]]
        return function(x, axis=tuple(a["axes"]), keepdims=bool(a["keepdims"]))
    if node.op == "softmax":
        e = np.exp(x - x.max(axis=a["axis"], keepdims=True))
        return e / e.sum(axis=a["axis"], keepdims=True)
    if node.op == "concat":
        return np.concatenate(inputs, axis=a["axis"])
    assert node.op == "pad"
    rank = x.ndim
    pads = [(a["pads"][i], a["pads"][i + rank]) for i in range(rank)]
    if a["mode"] == "constant":
        return np.pad(x, pads, constant_values=np.float32(a.get("value", 0)))
    return np.pad(x, pads, mode=a["mode"])


def _activate(x: Array, a: dict[str, Any]) -> Array:
    activation = a.get("activation", "none")
    return x if activation == "none" else unary(x, activation, a)


def unary(x: Array, function: str, a: dict[str, Any]) -> Array:
    """One function of SPEC.md §5 with its parameters, in float64, rounded to float32."""
    x = x.astype(np.float64)
    alpha = a.get("alpha", {"leaky_relu": 0.01, "elu": 1.0, "hard_sigmoid": 0.2}.get(function))
    beta = a.get("beta", 0.5)
    low, high = a.get("clip", [None, None])
    sigmoid = 1 / (1 + np.exp(-x))
    results = {
        "identity": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "clip": lambda: np.clip(x, -np.inf if low is None else low, np.inf if high is None else high),
        "leaky_relu": lambda: np.where(x < 0, alpha * x, x),
        "elu": lambda: np.where(x < 0, alpha * np.expm1(x), x),
        "hard_sigmoid": lambda: np.clip(alpha * x + beta, 0, 1),
        "hard_swish": lambda: x * np.clip(x / 6 + 0.5, 0, 1),
        "sigmoid": lambda: sigmoid,
        "tanh": lambda: np.tanh(x),
        "silu": lambda: x * sigmoid,
        "gelu": lambda: 0.5 * x * (1 + _erf(x / math.sqrt(2)).astype(np.float64)),
        "gelu_tanh": lambda: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "exp": lambda: np.exp(x),
        "log": lambda: np.log(x),
        "sqrt": lambda: np.sqrt(x),
        "reciprocal": lambda: 1 / x,
        "abs": lambda: np.abs(x),
        "neg": lambda: -x,
        "erf": lambda: _erf(x).astype(np.float64),
        "floor": lambda: np.floor(x),
        "ceil": lambda: np.ceil(x),
        "round": lambda: np.rint(x),
        "softplus": lambda: np.logaddexp(x, 0),
    }
    return results[function]().astype(np.float32)


def _layer_norm(node: Node, graph: Graph, operands: list[Array]) -> Array:
    t = sum(array.astype(np.float64) for array in operands)
    centred = t - t.mean(-1, keepdims=True)
    y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + node.attributes["epsilon"])
    y = y * graph.tensor(node, "multiplier")
    return (y + graph.tensor(node, "bias") if "bias" in node.tensors else y).astype(np.float32)


def _attention(node: Node, operands: list[Array]) -> Array:
    heads, width = node.attributes["heads"], node.attributes["channels"]
    parts = zip(operands, node.attributes["offsets"], strict=False)
    q, k, v = (x[..., at : at + width].reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3) for x, at in parts)
    scores = q @ k.transpose(0, 1, 3, 2) * node.attributes["factor"] + (operands[3] if len(operands) > 3 else 0)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    y = weights / weights.sum(-1, keepdims=True) @ v
    return y.transpose(0, 2, 1, 3).reshape(*operands[0].shape[:2], width).astype(np.float32)


def _recurrent(node: Node, graph: Graph, operands: list[Array]) -> Array:
    h, x, c = operands[0], operands[1], operands[2] if len(operands) > 2 else None
    matrix, bias = weight_matrix(node, graph), graph.tensor(node, "bias") if "bias" in node.tensors else 0
    steps = range(len(x))
    y = np.zeros((*x.shape[:2], h.shape[1] * (len(operands) - 1)), np.float32)
    for t in reversed(steps) if node.attributes.get("reverse") else steps:
        p = h @ matrix.astype(np.float64).T + bias
        if c is None:
            z, r = np.split(_sigmoid(x[t] + p)[:, : 2 * h.shape[1]], 2, 1)
            after = np.tile(r, 3) * p
            if node.attributes.get("reset_first"):
                after = (r * h) @ matrix.astype(np.float64).T + bias
            n = np.tanh(x[t][:, -h.shape[1] :] + after[:, -h.shape[1] :])
            h = n + z * (h - n)
            y[t] = h
        else:
            i, o, f, g = np.split(x[t] + p, 4, 1)
            c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            h = _sigmoid(o) * np.tanh(c)
            y[t] = np.concatenate([h, c], 1)
    return y


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))
