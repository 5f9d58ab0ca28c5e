"""Tables of benchmarks/results/sparsity.json."""

from tables.read import Results, detail, has, measured, size, value

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


def clothes(results: Results) -> str:
    """The pictures: zero blocks with the teacher and alone, and what the recipe delivers."""
    dense = value(results, "fashion-dense", "accuracy_pct")
    lines = [
        "| Fashion-MNIST, equal steps | with the teacher | below dense | alone |",
        "|---|---|---|---|",
        f"| dense | {dense:.2f} % | | |",
    ]
    for share in (80, 90):
        taught, alone = (detail(results, f"fashion-16x1-{share}-{who}", "accuracy_pct") for who in ("teacher", "alone"))
        drop = value(results, f"fashion-16x1-{share}-teacher", "drop_points")
        lines.append(f"| {share} % zero | {_seeds(taught)} | {drop:.2f} | {_seeds(alone)} |")
    balanced = value(results, "fashion-balanced", "drop_points")
    uneven = max(value(results, f"fashion-balanced-{count}", "imbalance_pct") for count in (2, 4, 8))
    why, ratio = (read(results, "fashion-best", "speedup_vs_best_int8_peer") for read in (detail, value))
    drop = value(results, "fashion-best", "drop_points")
    ours, theirs = (why["us"][name] for name in ("apus-quantize", "peer-teacher-int8"))
    lines += [
        "",
        f"Balanced for 2, 4 and 8 cores ({uneven:.1f} % apart at most) it costs {balanced:.2f} points at 80 %.",
        f"What `recipes/images.toml` delivers is {drop:.2f} points below the fp32 teacher and runs {ratio:.1f}x as",
        f"fast as the best int8 peer on the teacher: {ours:,.0f} against {theirs:,.0f} µs.",
        measured(results, why),
    ]
    return "\n".join(lines)


def widths(results: Results) -> str:
    """Students of fewer channels: dense in the best int8 peer and in the engine, sparse in the engine."""
    lines = [
        "| channels | dense | best int8 peer | engine | sparse | engine | against the fastest equal peer |",
        "|---|---|---|---|---|---|---|",
    ]
    sparse = {tuple(row["detail"]["widths"]): row for row in _named(results, "fashion-sparse-", "accuracy_pct")}
    for row in _named(results, "fashion-width-", "accuracy_pct"):
        why = row["detail"]
        quickest = f"{why['us'][why['best_peer']]:,.0f} µs, {why['best_peer']}"
        ours = _sparse(results, sparse.get(tuple(why["widths"])))
        cells = f"{row['value']:.2f} % | {quickest} | {why['us']['apus']:,.0f} µs | {ours}"
        lines.append(f"| {', '.join(str(n) for n in why['widths'])} | {cells} |")
    return "\n".join([*lines, "", measured(results, why)])


def _sparse(results: Results, row: Results | None) -> str:
    if row is None:
        return "| |"
    said = f"{row['value']:.2f} % | {row['detail']['us']:,.0f} µs | "
    if not has(results, row["case"], "speedup_vs_dense_width"):
        return said + "no equal"
    why, ratio = (read(results, row["case"], "speedup_vs_dense_width") for read in (detail, value))
    return said + f"{ratio:.2f}x ({why['width']:g} %)"


def _named(results: Results, begin: str, metric: str) -> list[Results]:
    return [row for row in results["rows"] if row["case"].startswith(begin) and row["metric"] == metric]


def _seeds(why: Results) -> str:
    return ", ".join(f"{each:.2f}" for each in why["each"]) + " %"
