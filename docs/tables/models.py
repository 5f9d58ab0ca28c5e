"""Whole networks against the peers, and ONNX conformance."""

from tables.read import Results, measured, value

NETWORKS = {
    "mlp": "MLP",
    "resnet18": "ResNet-18",
    "efficientnet-lite0": "EfficientNet-Lite0",
    "minilm-64": "MiniLM-L6, 64 tokens",
    "minilm-128": "MiniLM-L6, 128 tokens",
}


def models(results: Results) -> str:
    """Dense networks against the fastest peer of the same precision; two sparse ones against any."""
    lines = ["| dense network, batch 1 | fp32, best peer 1 | int8, best peer 1 |", "|---|---|---|"]
    for case, name in NETWORKS.items():
        fp32, int8 = (value(results, f"{case}-{p}", "speedup_vs_best_peer") for p in ("fp32", "int8"))
        lines.append(f"| {name} | {fp32:.2f}x | {int8:.2f}x |")
    if any(r["case"] == "gru-512-fp32" for r in results["rows"]):
        lines.append(f"| GRU, 512 units, 64 steps | {value(results, 'gru-512-fp32', 'speedup_vs_best_peer'):.2f}x | |")
    minilm, lite = (value(results, c, "speedup_vs_best_peer") for c in ("minilm-64-s90", "efficientnet-lite0-s85"))
    return "\n".join(
        [
            *lines,
            "",
            f"With 90 % of its encoder's weights zero in 16x1 blocks, MiniLM (64 tokens) runs {minilm:.1f}x as fast",
            "as the fastest peer runs the dense one in any precision; EfficientNet-Lite0 with 85 % in its 1x1",
            f"convolutions {lite:.1f}x.",
            "Pruned without retraining: these two rows are about speed alone.",
            measured(results),
        ]
    )


def onnx(results: Results) -> str:
    """How many of the standard's tests pass."""
    native, total, wrong = (int(value(results, "node", m)) for m in ("native_pass", "total", "wrong"))
    converted, operator = (int(value(results, c, "native_pass")) for c in ("pytorch-converted", "pytorch-operator"))
    return (
        f"Of ONNX's own {total:,} node tests the engine passes {native:,}, gives {wrong} wrong answers and refuses\n"
        "the rest by name; "
        f"all {converted} converted and all {operator} operator models of PyTorch pass "
        f"(`{results['command']}`; [operators](docs/operators.md))."
    )
