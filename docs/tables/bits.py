"""Bayesian Bits: what was learned, and what it costs."""

from tables.read import Results, detail, has, size, value

DATA = {"mnist": "MNIST, 100 epochs", "fashion": "Fashion-MNIST, 20 epochs from one start"}
SETTINGS = {
    "bb-0.1": "Bayesian Bits, µ = 0.1",
    "bb-0.15": "Bayesian Bits, µ = 0.15",
    "bb-0.2": "Bayesian Bits, µ = 0.2",
    "bb-0.5": "Bayesian Bits, µ = 0.5",
    "bb-latency-0.1": "µs as the price, µ = 0.1",
    "bb-latency-0.2": "µs as the price, µ = 0.2",
    "fixed-8-8": "8 bits everywhere",
    "fixed-4-4": "4 bits everywhere",
    "fixed-2-2": "2 bits everywhere",
    "quantise-only": "widths learned, nothing pruned, µ = 0.2",
    "prune-only-8-8": "8 bits, pruning learned, µ = 0.2",
}
COLUMNS = ("accuracy_pct", "relative_bops_pct", "mean_weight_bits", "p50_us")


def bits(results: Results) -> str:
    """Every setting all of whose seeds have ended; then deployment, size and the cost of a step."""
    lines = [
        "| LeNet-5, mean of 3 seeds | accuracy | bit operations | bits a weight | an image |",
        "|---|---|---|---|---|",
    ]
    for data, name in DATA.items():
        lines += [f"| **{name}** | | | | |", *table(results, f"lenet5-{data}")]
    ratio, more = value(results, "lenet5-step", "step_ratio"), detail(results, "lenet5-step", "step_ratio")
    plain, bit = (value(results, "lenet5-step", f"{name}_peak_mb") for name in ("plain", "bits"))
    return "\n".join(
        [
            *lines,
            "",
            *deployed(results, "lenet5-mnist"),
            *words(results),
            f"A training step takes {ratio:.2f}x the plain one ({more['ms']['plain']:.0f} ms, batch {more['batch']}),",
            f"and adds {bit:.0f} MB to the process and not {plain:.0f}.",
            f"Measured by `{results['command']}` on {results['env']['cpu']}, {results['date'][:10]}.",
        ]
    )


def table(results: Results, data: str) -> list[str]:
    """A line for each setting of one data set, in the order of `SETTINGS`."""
    found = {}
    for row in results["rows"]:
        if row["metric"] == "accuracy_pct" and row["case"].startswith(data):
            found[row["detail"]["setting"]] = row["case"]
    lines = []
    for setting, said in SETTINGS.items():
        if case := found.get(setting):
            right, bops, mean, us = (value(results, case, column) for column in COLUMNS)
            lines.append(f"| {said} | {right:.2f} % | {bops:.2f} % | {mean:.2f} | {us:.0f} µs |")
    return lines


def words(results: Results) -> list[str]:
    """MiniLM, if it was trained: bits, accuracy, bytes, and time against 8 bits everywhere."""
    if not has(results, "minilm-glosses", "speedup_vs_own_int8"):
        return []
    right, drop = (value(results, "minilm-glosses", metric) for metric in ("accuracy_pct", "drop_points"))
    encoder, table = (
        value(results, f"minilm-glosses-{part}", "mean_weight_bits") for part in ("encoder", "embeddings")
    )
    ratio, why = (read(results, "minilm-glosses", "speedup_vs_own_int8") for read in (value, detail))
    small, large = (size(why["bytes"][name]) for name in ("learned", "float"))
    us = why["us"]
    return [
        "",
        f"MiniLM on 26 kinds of noun ends at {encoder:.1f} bits a weight in its encoder and {table:.1f} in its tables,",
        f"with {right:.2f} % right, {abs(drop):.2f} points {'below' if drop > 0 else 'above'} float32.",
        f"The file takes {small}, float32's {large}. A definition takes {us['learned']:,.0f} µs; in 8 bits everywhere",
        f"{us['int8']:,.0f} ({ratio:.2f}x), and in ONNX Runtime {us['onnxruntime-int8']:,.0f}.",
        "",
    ]


def deployed(results: Results, case: str) -> list[str]:
    """How often torch, ONNX Runtime and engine disagree, and the file."""
    runs = [run["deployed"] for run in detail(results, case, "accuracy_pct")["runs"]]
    apart = max(pair["argmax_differs"] for run in runs for pair in run["agreement"].values())
    sizes = ", ".join(f"{run['apus_bytes'] / 1e3:.0f}" for run in runs)
    much = f"differ in the class of at most {apart} of the" if apart else "agree on the class of all"
    return [
        f"torch, ONNX Runtime and engine {much} {runs[0]['images']:,} test images",
        f"of MNIST; the three files have {sizes} kB (fp32: 2,330 kB of weights).",
    ]
