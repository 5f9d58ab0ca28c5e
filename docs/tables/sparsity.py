"""Tables of benchmarks/results/sparsity.json."""

from tables.read import Results, detail, measured, size, value

STAGES = {
    "teacher": "teacher: MiniLM, 6 layers, fp32",
    "student": "distilled: 3 layers, fp32",
    "prune": "16x1 blocks pruned, fp32",
    "quantize": "int8, simulated",
    "delivered": "the `.apus` file, in the engine",
}


def text(results: Results) -> str:
    """The text recipe, stage by stage, and against the best int8 peer on its teacher."""
    lines = ["| 26 kinds of noun, by their definitions | accuracy |", "|---|---|"]
    for stage, said in STAGES.items():
        lines.append(f"| {said} | {value(results, f'text-{stage}', 'accuracy_pct'):.2f} % |")
    why = detail(results, "text-best", "speedup_vs_int8_teacher")
    ratio, drop = value(results, "text-best", "speedup_vs_int8_teacher"), value(results, "text-best", "drop_points")
    moved = f"{abs(drop):.2f} points {'below' if drop >= 0 else 'above'} the fp32 teacher"
    times = ", ".join(f"{name} {us:,.0f} µs" for name, us in sorted(why["us"].items(), key=lambda each: each[1]))
    small, large = (size(why["bytes"][f"{name}.apus"]) for name in ("student", "teacher"))
    lines += [
        "",
        f"What is delivered is {moved}; {100 * why['sparsity']:.0f} % of its blocks are zero. It takes {small},",
        f"the teacher {large}. It runs {ratio:.1f}x as fast as the best int8 peer on the teacher, {why['best_peer']}:",
        f"{times} (one definition, filled up to {why['input'][1]} tokens).",
        measured(results, why),
    ]
    return "\n".join(lines)


def mnist(results: Results) -> str:
    """Hinton's students, nine tenths of whose blocks go, with their teacher and alone."""
    lines = ["| wrong of 10,000, mean of 3 seeds | dense | 90 % of the blocks zero | each |", "|---|---|---|---|"]
    for who, said in {"distilled": "distilled: softened answers", "alone": "alone"}.items():
        why, mean = (read(results, f"mnist-16x1-90-{who}", "test_errors") for read in (detail, value))
        dense, each = sum(why["dense"]) / len(why["dense"]), ", ".join(f"{errors:.0f}" for errors in why["errors"])
        lines.append(f"| {said} | {dense:.1f} | {mean:.1f} | {each} |")
    return "\n".join([*lines, "", measured(results, detail(results, "mnist-16x1-90", "fewer_errors"))])
