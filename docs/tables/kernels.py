"""Single layers against the peers."""

from tables.read import Results, detail, has, measured, size, value

CHAINS = {
    "linear-1024-n1-s90": "linear 1024x1024, batch 1",
    "linear-1024-n16-s90": "linear 1024x1024, batch 16",
    "linear-1024-n128-s90": "linear 1024x1024, batch 128",
    "conv1x1-256-28-s90": "conv 1x1, 256 → 256, 28x28",
    "conv3x3-128-28-s90": "conv 3x3, 128 → 128, 28x28",
}


def kernels(results: Results) -> str:
    """Each chain of 90 % sparse layers against the fastest peer of all, and fp32 against fp32."""
    lines = [
        "| eight layers, 90 % zeros in 16x1 | a layer | best peer | against it | fp32 : fp32 |",
        "|---|---|---|---|---|",
    ]
    for case, name in CHAINS.items():
        why, fp32 = detail(results, case, "speedup_vs_best_peer"), value(results, case, "speedup_fp32")
        peer, ratio = why["best_peer"], value(results, case, "speedup_vs_best_peer")
        theirs = f"{peer} {why['layer_us'][peer]:.1f} µs"
        lines.append(f"| {name} | {why['apus_us']:.1f} µs | {theirs} | **{ratio:.1f}x** | {fp32:.1f}x |")
    return "\n".join([*lines, "", measured(results)])


def unstructured(results: Results) -> str:
    """The same chains with zeros anywhere, against the fastest peer of all and DeepSparse; nothing before measured."""
    if not any(r["case"].endswith("-u90") for r in results["rows"]):
        return "Not measured yet: `make bench-kernels`."
    lines = [
        "| eight layers, zeros anywhere | a layer, 90 % | best peer | ratio, 80 % | 90 % | 95 % | fp32 : DeepSparse |"
    ]
    lines.append("|---" * 7 + "|")
    for block, name in CHAINS.items():
        stem = block.removesuffix("-s90")
        why = detail(results, f"{stem}-u90", "speedup_vs_best_peer")
        ratios = [_ratio(results, f"{stem}-u{zeros}") for zeros in (80, 90, 95)]
        layer, peer = why["layer_us"], why["best_peer"]
        theirs = f"{layer['deepsparse'] / layer['apus-fp32']:.1f}x" if "deepsparse" in layer else "absent"
        cells = [f"{why['apus_us']:.1f} µs", f"{peer} {layer[peer]:.1f} µs", *ratios, theirs]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _ratio(results: Results, case: str) -> str:
    """Against the best peer, if it was measured."""
    metric = "speedup_vs_best_peer"
    return f"{value(results, case, metric):.1f}x" if has(results, case, metric) else "–"


DENSITIES = (5, 10, 20, 50, 80, 100)  # of those measured, what a table has room for
SHAPES = {case.rsplit("-s", 1)[0]: name for case, name in CHAINS.items()}


def density(results: Results) -> str:
    """Ours at each density of blocks, as a share of ours dense; what two threads bring."""
    lines = ["| int8, blocks present | " + " | ".join(f"{d} %" for d in DENSITIES) + " | worst |"]
    lines.append("|---" * (len(DENSITIES) + 2) + "|")
    for stem, name in SHAPES.items():
        times = [value(results, f"{stem}-int8-d{d}", "layer_us") for d in DENSITIES]
        worst = value(results, f"{stem}-int8", "worst_against_dense")
        cells = [f"{time / times[-1]:.2f}" for time in times[:-1]] + [f"{times[-1]:.1f} µs", f"{worst:.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    worst = [
        r["value"] for r in results["rows"] if r["case"].endswith("-fp32") and r["metric"] == "worst_against_dense"
    ]
    if worst:
        lines += ["", f"In fp32 no density takes more than {max(worst):.2f} of the time that all blocks take."]
    one = "linear-1024-n128-s90-cores-"
    cores = " and ".join(f"{value(results, one + p, 'two_cores_speedup'):.2f}x ({p})" for p in ("int8", "fp32"))
    return "\n".join([*lines, "", f"Two cores against one, batch 128, 90 % zeros: {cores}."])


FORMATS = ("fp32-16x1", "bf16-16x1", "int8-16x1", "int8-16x4", "int4-16x1", "int4-16x4", "int2-16x1", "int2-16x4")
FORMATTED = {
    "linear-1024-n1": "1024x1024, batch 1",
    "linear-1024-n16": "batch 16",
    "linear-1024-n128": "batch 128",
    "conv1x1-256-28": "conv 1x1",
    "conv3x3-128-28": "conv 3x3",
}


def formats(results: Results) -> str:
    """The same layers in every format; nothing before they are measured."""
    measured_cases = {r["case"] for r in results["rows"]}
    if f"linear-1024-n1-formats-{FORMATS[0]}" not in measured_cases:
        return "Not measured yet: `make bench-kernels`."
    lines = ["| µs of a layer, 90 % zeros | " + " | ".join(FORMATTED.values()) + " | file of eight linear |"]
    lines.append("|---" * (len(FORMATTED) + 2) + "|")
    for name in FORMATS:
        cases = [f"{stem}-formats-{name}" for stem in FORMATTED]
        times = [f"{value(results, case, 'layer_us'):.1f}" if case in measured_cases else "" for case in cases]
        if not any(times):
            continue
        file = size(detail(results, cases[0], "layer_us")["file_bytes"])
        lines.append(f"| {name.replace('-', ', ')} | " + " | ".join(times) + f" | {file} |")
    return "\n".join(lines)
