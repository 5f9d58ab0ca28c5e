"""Every operator over shapes, attributes and dtypes. As a script: runs all cases and saves what the engine gave.

APUS_ISA=avx2 python engine_cases.py outputs.npz
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from engine_graphs import Case, bias_and_multiplier, packed_weights, quantised, real, run, single, single_weights

from apus.artifact import Value

WINDOWS: list[dict[str, Any]] = [
    {"kernel": [1, 1], "strides": [1, 1], "pads": [0] * 4, "dilations": [1, 1]},
    {"kernel": [3, 3], "strides": [1, 1], "pads": [1] * 4, "dilations": [1, 1]},
    {"kernel": [3, 3], "strides": [2, 2], "pads": [0, 1, 1, 0], "dilations": [1, 1]},
    {"kernel": [2, 3], "strides": [3, 1], "pads": [1, 2, 0, 1], "dilations": [2, 1]},
    {"kernel": [5, 5], "strides": [1, 2], "pads": [2] * 4, "dilations": [1, 2]},
]
LINE: dict[str, Any] = {"kernel": [3], "strides": [2], "pads": [2, 1], "dilations": [2]}
UNARY = [
    "identity",
    "relu",
    "clip",
    "leaky_relu",
    "elu",
    "hard_sigmoid",
    "hard_swish",
    "sigmoid",
    "tanh",
    "silu",
    "gelu",
    "gelu_tanh",
    "exp",
    "log",
    "sqrt",
    "reciprocal",
    "abs",
    "neg",
    "erf",
    "floor",
    "ceil",
    "round",
    "softplus",
]
SPECIAL = np.float32([0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -0.5, 1.5, 2.5, 88, -88, 90, -104, 1e-30, 3e38])


def out_shape(spatial: list[int], a: dict[str, Any]) -> list[int]:
    rank = len(a["kernel"])
    pads, reach = a["pads"], [d * (k - 1) + 1 for d, k in zip(a["dilations"], a["kernel"], strict=True)]
    return [(spatial[i] + pads[i] + pads[i + rank] - reach[i]) // a["strides"][i] + 1 for i in range(rank)]


def conv(
    batch: int, c: int, spatial: list[int], m: int, a: dict[str, Any], groups: int, kinds: str, **more: Any
) -> Case:
    """kinds: `f`, `u8`, or `uf` (bytes to float32)."""
    attributes = a | {"groups": groups, "channels": m, "format": "block16x1"} | more
    dtype = "float32" if kinds == "f" else "int8"
    k = c // groups * int(np.prod(a["kernel"]))
    if attributes["format"] == "depthwise":
        random = np.random.default_rng(m)
        values = random.integers(-127, 128, (m, k)) if dtype == "int8" else random.standard_normal((m, k))
        roles = {"values": values.astype(dtype)} | bias_and_multiplier(m, k, dtype)
    elif attributes["format"] == "unstructured":
        roles = single_weights(m, k, dtype)
    else:
        roles = packed_weights(m, k, dtype, groups)
    x = real(batch, c, *spatial) if kinds == "f" else quantised(batch, c, *spatial, zero_point=9)
    y = [batch, m, *out_shape(spatial, a)]
    graph, feed = single("conv", [x], quantised(*y) if kinds == "u8" else real(*y), roles, **attributes)
    name = f"conv {kinds} {batch}x{c}x{spatial} to {m} {a['kernel']} s{a['strides']} d{a['dilations']} g{groups} {more}"
    return Case(name, graph, feed, 1e-5 if kinds == "f" else 2e-6)


def convs() -> Iterator[Case]:
    for kinds in ("f", "u8", "uf"):
        for a in WINDOWS:
            yield conv(1, 6, [13, 17], 20, a, 1, kinds)
        yield conv(3, 8, [9, 9], 34, WINDOWS[1], 2, kinds)
        yield conv(0, 8, [9, 9], 16, WINDOWS[1], 1, kinds)
        yield conv(2, 4, [33], 7, LINE, 1, kinds)
        yield conv(2, 12, [11, 10], 12, WINDOWS[2], 12, kinds, format="depthwise")
        yield conv(1, 5, [14, 14], 10, WINDOWS[1], 5, kinds, format="depthwise", activation="relu")
        yield conv(1, 3, [8, 8], 16, WINDOWS[1], 1, kinds, activation="relu")
        yield conv(1, 3, [8, 8], 16, WINDOWS[1], 1, kinds, activation="clip", clip=[-0.5, None])
        yield conv(1, 3, [8, 8], 16, WINDOWS[1], 1, kinds, activation="clip", clip=[0, 1.0])
    for activation in ("hard_sigmoid", "hard_swish", "sigmoid", "tanh", "silu", "gelu", "gelu_tanh", "leaky_relu"):
        for kinds in ("f", "uf"):
            yield conv(1, 3, [8, 8], 16, WINDOWS[1], 1, kinds, activation=activation)


def unstructured() -> Iterator[Case]:
    for kinds in ("f", "u8", "uf"):
        for a in WINDOWS:
            yield conv(1, 6, [13, 17], 20, a, 1, kinds, format="unstructured")
        yield conv(3, 8, [9, 9], 34, WINDOWS[1], 2, kinds, format="unstructured", activation="relu")
        yield conv(1, 70, [12, 12], 33, WINDOWS[0], 1, kinds, format="unstructured")
        yield conv(0, 8, [9, 9], 16, WINDOWS[1], 1, kinds, format="unstructured")
        yield conv(2, 4, [33], 7, LINE, 1, kinds, format="unstructured")
        for shape, m in (([1, 37], 19), ([37], 5), ([2, 3, 20], 40), ([17, 64], 16), ([70, 9], 33), ([0, 8], 4)):
            roles = single_weights(m, shape[-1], "float32" if kinds == "f" else "int8")
            x = real(*shape) if kinds == "f" else quantised(*shape, zero_point=200)
            y = quantised(*shape[:-1], m) if kinds == "u8" else real(*shape[:-1], m)
            graph, feed = single("linear", [x], y, roles, channels=m, format="unstructured", activation="relu")
            yield Case(f"linear unstructured {kinds} {shape} to {m}", graph, feed, 1e-5)


def linears() -> Iterator[Case]:
    for kinds in ("f", "u8", "uf"):
        for shape, m in (([1, 37], 19), ([37], 5), ([2, 3, 20], 40), ([17, 64], 16), ([70, 9], 33), ([0, 8], 4)):
            roles = packed_weights(m, shape[-1], "float32" if kinds == "f" else "int8")
            x = real(*shape) if kinds == "f" else quantised(*shape, zero_point=200)
            y = quantised(*shape[:-1], m) if kinds == "u8" else real(*shape[:-1], m)
            graph, feed = single("linear", [x], y, roles, channels=m, format="block16x1", activation="relu")
            yield Case(f"linear {kinds} {shape} to {m}", graph, feed, 1e-5)


def matmuls() -> Iterator[Case]:
    shapes = [
        ([5, 7], [7, 9]),
        ([7], [7, 9]),
        ([5, 7], [7]),
        ([2, 3, 5, 7], [3, 7, 4]),
        ([3, 1, 2, 4], [5, 4, 2]),
        ([2, 0], [0, 3]),
    ]
    for a, b in shapes:
        y = np.matmul(np.zeros(a), np.zeros(b)).shape
        graph, feed = single("matmul", [real(*a), real(*b)], real(*y))
        yield Case(f"matmul {a} {b}", graph, feed, 1e-5)
    graph, feed = single("matmul", [real(4, 6), np.arange(18, dtype=np.float32).reshape(6, 3)], real(4, 3))
    yield Case("matmul by a tensor", graph, feed, 1e-5)


def binaries() -> Iterator[Case]:
    shapes = [
        ([2, 3, 4, 5], [2, 3, 4, 5]),
        ([2, 3, 4, 5], [3, 1, 1]),
        ([1, 5], [4, 1]),
        ([6], []),
        ([2, 1, 7], [1, 300, 7]),
    ]
    for function in ("add", "sub", "mul", "div", "max", "min", "pow"):
        for a, b in shapes:
            y = np.broadcast_shapes(a, b)
            base = (
                {"x0": np.abs(np.random.default_rng(0).standard_normal(a)).astype(np.float32)}
                if function == "pow"
                else {}
            )
            graph, feed = single("binary", [real(*a), real(*b)], real(*y), function=function, feed=base)
            yield Case(f"binary {function} {a} {b}", graph, feed, 1e-6)
            q = [quantised(*a, scale=0.02), quantised(*b, zero_point=3)]
            graph, feed = single("binary", q, quantised(*y, scale=0.2), function=function, activation="relu")
            if function not in ("div", "pow"):  # by zero, and of negatives: bytes of NaN and infinity, tested elsewhere
                yield Case(f"binary u8 {function} {a} {b}", graph, feed, levels=0)
    scale = np.float32([[0.5], [2], [-1]])
    graph, feed = single("binary", [quantised(2, 3, 5), scale], quantised(2, 3, 5, scale=0.1), function="mul")
    yield Case("binary u8 mul by a tensor", graph, feed)
    for activation, more in (("clip", {"clip": [-1, 1]}), ("hard_swish", {}), ("leaky_relu", {"alpha": 0.3})):
        graph, feed = single(
            "binary", [scale, real(2, 3, 5)], real(2, 3, 5), function="add", activation=activation, **more
        )
        yield Case(f"binary then {activation}", graph, feed)
    graph, feed = single(
        "binary", [quantised(40), quantised(40)], quantised(40), function="add", activation="clip", clip=[-1.0, None]
    )
    yield Case("binary u8 then clip", graph, feed)


def unaries() -> Iterator[Case]:
    x = np.concatenate([SPECIAL, np.linspace(-12, 12, 2000, dtype=np.float32), 2.0 ** np.arange(-30, 30)]).astype(
        np.float32
    )
    for function in UNARY:
        more = (
            {"clip": [-1.5, 2]} if function == "clip" else {"alpha": 0.3} if function in ("leaky_relu", "elu") else {}
        )
        graph, feed = single("unary", [real(x.size)], real(x.size), function=function, feed={"x0": x}, **more)
        yield Case(f"unary {function}", graph, feed, 1e-6)
        every = np.arange(256, dtype=np.uint8)
        q, y = quantised(256, zero_point=100), quantised(256, scale=0.02, zero_point=40)
        graph, feed = single("unary", [q], y, function=function, feed={"x0": every}, **more)
        if function not in ("log", "sqrt"):  # NaN of negatives: the oracle's conversion of NaN to a byte is undefined
            yield Case(f"unary u8 {function}", graph, feed, levels=1)


def pools() -> Iterator[Case]:
    halving = {"kernel": [2, 2], "strides": [2, 2], "pads": [0] * 4, "dilations": [1, 1]}
    for op in ("max_pool", "avg_pool"):
        for a in [halving, *WINDOWS[1:4], {"kernel": [3], "strides": [2], "pads": [1, 1], "dilations": [1]}]:
            for size in ([12, 35], [7, 70]):
                spatial = size[-len(a["kernel"]) :]
                y = [2, 3, *out_shape(spatial, a)]
                graph, feed = single(op, [real(2, 3, *spatial)], real(*y), **a)
                yield Case(f"{op} {a} {spatial}", graph, feed, 1e-6)
                graph, feed = single(op, [quantised(2, 3, *spatial)], quantised(*y), **a)
                yield Case(f"{op} u8 {a} {spatial}", graph, feed, levels=0 if op == "max_pool" else 1)
    a = {"kernel": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 0], "dilations": [1, 1], "ceil_mode": 1}
    for op, include in (("max_pool", 0), ("avg_pool", 0), ("avg_pool", 1)):
        graph, feed = single(op, [real(1, 2, 8, 10)], real(1, 2, 4, 5), **a, count_include_pad=include)
        yield Case(f"{op} ceil, include {include}", graph, feed, 1e-6)


def reductions() -> Iterator[Case]:
    for function in ("mean", "sum", "max", "min"):
        for axes in ([2, 3], [-1], [1], [0, 2], [0, 1, 2, 3], []):
            for keep in (0, 1):
                y = np.sum(np.zeros((2, 5, 6, 7)), tuple(axes), keepdims=bool(keep)).shape
                attributes = {"function": function, "axes": axes, "keepdims": keep}
                graph, feed = single("reduce", [real(2, 5, 6, 7)], real(*y), **attributes)
                yield Case(f"reduce {function} {axes} {keep}", graph, feed, 2e-5)
                graph, feed = single("reduce", [quantised(2, 5, 6, 7)], quantised(*y, scale=0.04), **attributes)
                yield Case(f"reduce u8 {function} {axes} {keep}", graph, feed, levels=1)


def transformers() -> Iterator[Case]:
    for shape in ([3, 5, 16], [1, 7], [2, 3, 100], [0, 4], [4, 1]):
        random = np.random.default_rng(shape[-1])
        roles = {"multiplier": random.standard_normal(shape[-1]).astype(np.float32)}
        graph, feed = single("layer_norm", [real(*shape)], real(*shape), roles, epsilon=1e-5)
        yield Case(f"layer_norm {shape}", graph, feed, tolerance=1e-5)
        roles = roles | {"bias": random.standard_normal(shape[-1]).astype(np.float32)}
        graph, feed = single("layer_norm", [real(*shape)] * 2, real(*shape), roles, epsilon=1e-3)
        yield Case(f"layer_norm of a sum {shape}", graph, feed, tolerance=1e-5)
    for queries, keys, heads, size in ((5, 5, 2, 8), (1, 33, 3, 5), (40, 17, 1, 32), (130, 130, 2, 16), (3, 1, 2, 4)):
        wide, width = 3 * heads * size, heads * size
        a = {"heads": heads, "channels": width, "factor": 0.2}
        apart = [real(2, queries, width), real(2, keys, width), real(2, keys, width)]
        for mask in (None, [2, 1, 1, keys], [1, heads, queries, keys]):
            given = [*apart, *([real(*mask)] if mask else [])]
            graph, feed = single("attention", given, real(2, queries, width), offsets=[0, 0, 0], **a)
            yield Case(f"attention {queries}x{keys} of {heads}x{size} mask {mask}", graph, feed, tolerance=3e-5)
        graph, feed = single(
            "attention", [real(1, keys, wide)] * 3, real(1, keys, width), offsets=[0, width, 2 * width], **a
        )
        yield Case(f"attention of one matrix {keys} {heads}x{size}", graph, feed, tolerance=3e-5)


def softmaxes() -> Iterator[Case]:
    for axis in (0, 1, -1):
        graph, feed = single("softmax", [real(3, 20, 37)], real(3, 20, 37), axis=axis)
        yield Case(f"softmax {axis}", graph, feed)
        graph, feed = single(
            "softmax", [quantised(3, 20, 5)], quantised(3, 20, 5, scale=1 / 256, zero_point=0), axis=axis
        )
        yield Case(f"softmax u8 {axis}", graph, feed, levels=1)


def same(op: str, x: list[int], y: list[int], **attributes: Any) -> Iterator[Case]:
    """A byte-moving operator on float32, quantised bytes, and (where legal) integers of 8 and 2 bytes."""
    whole = [lambda *shape, dtype=dtype: Value(dtype, list(shape)) for dtype in ("int64", "int16")]
    kinds = [real, quantised, *([] if op == "pad" else whole)]
    for kind in kinds:
        graph, feed = single(op, [kind(*x)], kind(*y), **attributes)
        yield Case(f"{op} {graph.values['y'].dtype} {x} {attributes}", graph, feed, 0)


def layouts() -> Iterator[Case]:
    yield from same("reshape", [2, 3, 4], [2, 12], shape=[0, -1])
    yield from same("flatten", [2, 3, 4], [6, 4], axis=2)
    for perm in ([0, 1, 2, 3], [0, 2, 3, 1], [3, 2, 1, 0], [1, 0, 3, 2], [0, 3, 1, 2]):
        x = [2, 19, 5, 33]
        yield from same("transpose", x, [x[p] for p in perm], perm=perm)
    yield from same("transpose", [], [], perm=[])
    yield from same("slice", [5, 9, 11], [2, 5, 11], starts=[1, 0], ends=[3, 2**31 - 1], axes=[0, 1], steps=[1, 2])
    yield from same("slice", [5, 9], [5, 3], starts=[-2], ends=[1], axes=[-1], steps=[-2])
    yield from same("slice", [5, 9], [0, 9], starts=[3], ends=[2], axes=[0], steps=[1])
    for mode in ("constant", "reflect", "edge"):
        more = {"value": 1.5} if mode == "constant" else {}
        yield from same("pad", [2, 4, 5], [2, 7, 9], pads=[0, 1, 3, 0, 2, 1], mode=mode, **more)
    parts = [[2, 3, 4], [2, 1, 4], [2, 5, 4]]
    graph, feed = single("concat", [real(*p) for p in parts], real(2, 9, 4), axis=1)
    yield Case("concat", graph, feed, 0)
    graph, feed = single("concat", [quantised(*p) for p in parts], quantised(2, 9, 4), axis=-2)
    yield Case("concat u8, equal parameters", graph, feed)
    mixed = [quantised(*p, scale=0.01 * (i + 1), zero_point=i) for i, p in enumerate(parts)]
    graph, feed = single("concat", mixed, quantised(2, 9, 4), axis=1)
    yield Case("concat u8, other parameters", graph, feed)


def conversions() -> Iterator[Case]:
    dtypes = ("float32", "uint8", "int8", "int32", "int64", "bool")
    for a in dtypes:
        for b in dtypes:
            graph, feed = single("cast", [Value(a, [70])], Value(b, [70]))
            feed["x0"] = np.arange(70).astype(a)
            yield Case(f"cast {a} to {b}", graph, feed, 0)
    graph, feed = single("cast", [Value("int8", [3, 50])], quantised(3, 50, zero_point=128))
    yield Case("cast int8 to quantised", graph, feed)
    graph, feed = single("cast", [quantised(3, 50)], Value("int8", [3, 50]))
    yield Case("cast quantised to int8", graph, feed)
    for zero_point in (0, 128, 255):
        halves = (np.arange(-600, 600) / 2 * np.float32(0.25)).astype(np.float32)
        graph, feed = single(
            "quantize", [real(1200)], quantised(1200, scale=0.25, zero_point=zero_point), feed={"x0": halves}
        )
        yield Case(f"quantize ties, zero point {zero_point}", graph, feed)
        graph, feed = single("dequantize", [quantised(7, 41, zero_point=zero_point)], real(7, 41))
        yield Case(f"dequantize, zero point {zero_point}", graph, feed, 0)


def recurrences() -> Iterator[Case]:
    for t, batch, h in (
        (1, 1, 1),
        (5, 1, 37),
        (3, 4, 16),
        (4, 20, 33),
        (2, 200, 21),
        (1, 1, 200),
        (0, 2, 8),
        (2, 0, 8),
    ):
        for lstm, first in ((0, 0), (0, 1), (1, 0)):
            for reverse in (0, 1):
                gates = (3 + lstm) * h
                x = [real(batch, h), real(t, batch, gates), *[real(batch, h)] * lstm]
                graph, feed = single(
                    "recurrent", x, real(t, batch, h * (1 + lstm)), packed_weights(gates, h, "float32"),
                    channels=gates, format="block16x1", reverse=reverse, **({"reset_first": 1} if first else {}),
                )  # fmt: skip
                yield Case(f"recurrent {t}x{batch}x{h} {lstm} {first} {reverse}", graph, feed, tolerance=2e-5)


def cases() -> list[Case]:
    weighted, moving = (convs, linears, unstructured, matmuls), (layouts, conversions)
    groups = (*weighted, binaries, unaries, pools, reductions, softmaxes, transformers, recurrences, *moving)
    return [case for group in groups for case in group()]


def main(path: str) -> None:
    """Saves `<case number>.<threads>` for every case; all outputs here are single."""
    outputs = {}
    for i, case in enumerate(cases()):
        for threads in (1, 2):
            (outputs[f"{i}.{threads}"],) = run(case.graph, case.feed, threads)
    np.savez(path, **outputs)


if __name__ == "__main__":
    main(sys.argv[1])
