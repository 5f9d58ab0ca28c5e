"""The runtime on each device."""

from tables.read import Results, detail, measured, value

DEVICES = {
    "cpu": "CPU, one process",
    "gloo-2": "CPU, two processes (gloo)",
    "tpu-emulated": "emulated TPU (says nothing of speed)",
}


def devices(results: Results) -> str:
    """The same script by device, then what the runtime costs and brings on a CPU."""
    columns = ("steps_per_s", "compilations_after_warmup", "loss_difference", "changed_lines")
    lines = [
        "| | steps/s | compilations after warm-up | test loss against the plain script's | changed lines |",
        "|---|---|---|---|---|",
    ]
    for case, name in DEVICES.items():
        speed, late, off, changed = (value(results, case, column) for column in columns)
        lines.append(f"| {name} | {speed:.1f} | {late:.0f} | {off:.6f} | {changed:.0f} |")
    cost, noise = value(results, "cpu", "overhead_pct"), detail(results, "cpu", "overhead_pct")["noise_pct"]
    faster, amx = value(results, "cpu-bf16", "speedup_vs_fp32"), detail(results, "cpu-bf16", "speedup_vs_fp32")["amx"]
    fed = detail(results, "starved-cpu", "speedup")
    return "\n".join(
        [
            *lines,
            "",
            f"The runtime adds {cost:.1f} % to a step on a CPU (one bare loop differs from another by {noise:.1f} %).",
            f"bf16 trains the demo's teacher {faster:.2f}x as fast as fp32, {'with' if amx else 'without'} AMX.",
            f"A loop starved by its reader takes {fed['speedup']:.1f}x as many steps through prefetch and an echo of",
            f"{fed['echo']}, busy {100 * fed['fed_busy']:.0f} % of the time and not {100 * fed['plain_busy']:.0f} %.",
            measured(results),
        ]
    )


def accuracy(results: Results) -> str:
    """What bf16 costs."""
    (found,) = results["rows"]
    pairs = zip(found["detail"]["fp32"], found["detail"]["bf16"], strict=True)
    each = ", ".join(f"{low:.2f} and {full:.2f} %" for full, low in pairs)
    return (
        f"bf16 moves the teacher's test accuracy by {found['value']:+.2f} points (bf16 and fp32, a pair a seed:\n"
        f"{each}; `{results['command']}`)."
    )
