"""The vocoder's ladder."""

from tables.read import Results, detail, has, measured, value

OURS = ("ladder-3", "ladder-4", "ladder-5", "ladder-6", "ladder-7a", "ladder-7b", "ladder-7b-16x4")
TWO_CORES = ("ladder-8-fp32", "ladder-8")
STRICT = ("ladder-0", "ladder-1", "ladder-2")


def ladder(results: Results) -> str:
    """Every rung: what is new, time of a sample, real-time factor, gain, proof."""
    lines = [
        "| rung | what is new | a sample | real-time factor | against eager | same as PyTorch |",
        "|---|---|---|---|---|---|",
    ]
    for case in (*STRICT, *OURS, *TWO_CORES):
        why, rtf, total = (
            detail(results, case, "rtf"),
            value(results, case, "rtf"),
            value(results, case, "total_speedup"),
        )
        label = case.removeprefix("ladder-").removesuffix("-fp32")
        lines.append(
            f"| {label} | {why['name']} | {why['us_per_sample']:.1f} µs | {rtf:.3f} | {total:.1f}x |"
            f" {proof(results, why['contender'])} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            bars(results),
            "",
            left_out(results),
            "",
            measured(results, detail(results, "ladder-7b", "rtf"), "one core unless stated"),
        ]
    )


def proof(results: Results, case: str) -> str:
    """Greatest error of a logit, and how many samples the same draws pick otherwise."""
    error, other = value(results, case, "logit_error"), value(results, case, "other_samples_pct")
    return "the baseline" if case == "eager" else f"logits within {error:.0e}, {100 - other:.2f} % of samples"


def bars(results: Results) -> str:
    """Rung 7b against everything stock."""
    pairs = [
        ("speedup_vs_best_stock_fp32", "the best fp32 stock"),
        ("speedup_vs_best_stock", "the best stock of any precision"),
        ("speedup_vs_best_folded_fp32", "the best fp32 stock after folding what folds"),
        ("speedup_vs_best_folded", "the best of any precision after folding"),
    ]
    parts = [
        f"{value(results, 'ladder-7b', metric):.1f}x as fast as {name} ({detail(results, 'ladder-7b', metric)['best']})"
        for metric, name in pairs
    ]
    spread = next(r for r in results["rows"] if (r["case"], r["metric"]) == ("ladder-7b", "total_speedup"))
    streams = value(results, "ladder-7b-two-streams", "throughput")
    return (
        "Rung 7b runs\n\n" + ";\n".join(f"- {part}" for part in parts) + "."
        f"\n\nAgainst eager it is {spread['value']:.0f}x"
        f" ({spread['low']:.0f} to {spread['high']:.0f}x over {spread['runs']} turns).\n"
        f"16x1 blocks run {value(results, 'ladder-6', 'speedup_vs_csr'):.1f}x as fast as the same weights in CSR."
        f" Two streams on two cores speak {streams:.2f}x as much as one on one."
    )


def elsewhere(results: Results) -> str:
    """The same on another machine, in short."""
    eager, ours = (detail(results, case, "rtf") for case in ("ladder-0", "ladder-7b"))
    rtf, two = (value(results, case, "rtf") for case in ("ladder-7b", "ladder-8"))
    return (
        f"Eager PyTorch takes {eager['us_per_sample']:.0f} µs a sample there, rung 7b {ours['us_per_sample']:.1f} µs:"
        f" a real-time factor of {rtf:.3f}, on two cores {two:.3f}.\n{bars(results)}\n"
        f"{measured(results, ours, 'one core unless stated')}"
    )


def left_out(results: Results) -> str:
    """What rung 7b loses without one of its parts."""
    best = value(results, "ladder-7b", "rtf")
    names = {"blocks": "sparsity (dense int8)", "int8": "int8 (fp32 blocks)", "approximation": "fast activations"}
    parts = [f"{name} {value(results, f'without-{case}', 'rtf') / best:.2f}x" for case, name in names.items()]
    return f"Left out of rung 7b, one at a time, it takes longer: without {'; without '.join(parts)}."


def voices(results: Results) -> str:
    """hibari on the engine against hibari on ONNX Runtime."""
    lines = ["| text | speech | Apus | ONNX Runtime | against it |", "|---|---|---|---|---|"]
    for case in ("voice-short", "voice-200"):
        why, ratio = detail(results, case, "rtf"), value(results, case, "speedup_vs_onnxruntime")
        cells = f"{why['seconds']:.1f} s | {why['ours_ms']:.0f} ms | {why['theirs_ms']:.0f} ms | {ratio:.2f}x"
        lines.append(f"| {why['characters']} characters | {cells} |")
    if has(results, "voice-command", "cold_start_s"):
        seconds, memory = (value(results, "voice-command", name) for name in ("cold_start_s", "peak_rss_mb"))
        lines += ["", f"From the shell to a written file `apus say` takes {seconds:.2f} s and at most {memory:.0f} MB."]
    if has(results, "quality-hibari-int8", "wer_points"):
        lines += ["", heard(results)]
    return "\n".join([*lines, "", measured(results, detail(results, "voice-200", "rtf"))])


def heard(results: Results) -> str:
    """Whisper's word errors of hibari's voice, here and there."""
    case = "quality-hibari-int8"
    ours, theirs, more = value(results, case, "wer_pct"), value(results, "quality-corpus", "wer_pct"), "wer_points"
    row = next(r for r in results["rows"] if (r["case"], r["metric"]) == (case, more))
    return (
        f"Of {row['runs']} sentences Whisper tiny hears {ours:.2f} % of the words wrong, {theirs:.2f} % where ONNX"
        f" Runtime speaks: {row['value']:+.2f} points ({row['low']:+.2f} to {row['high']:+.2f} at 95 %)."
    )
