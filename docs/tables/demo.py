"""The demo, and quantisation after training."""

from tables.read import Results, size, value


def demo(results: Results) -> str:
    """The table of the demo: teacher, student and the two ratios."""
    env, command = results["env"], results["command"]
    lines = ["| Fashion-MNIST, 10,000 test images | accuracy | file | batch 1, one thread, p50 |", "|---|---|---|---|"]
    for case, name in (("teacher", "teacher, fp32, ONNX Runtime"), ("student", "student, int8, 16x1 sparse, Apus")):
        accuracy, count, p50 = (value(results, case, m) for m in ("accuracy_pct", "bytes", "p50_us"))
        lines.append(f"| {name} | {accuracy:.2f} % | {size(count)} | {p50:.1f} µs |")
    metrics = ("size_ratio", "speedup_vs_teacher_onnxruntime", "speedup_vs_dense_int8_peer")
    smaller, faster, faster_than_dense = (value(results, "student", m) for m in metrics)
    lines += [
        "",
        f"{smaller:.0f}x smaller and {faster:.1f}x faster than the teacher; {faster_than_dense:.2f}x faster than the",
        "*same student, dense int8*, in the faster of ONNX Runtime and OpenVINO.",
        f"Measured by `{command}` on {env['cpu']}, {results['date'][:10]}; every figure is in",
        "`benchmarks/results/demo.json`.",
    ]
    return "\n".join(lines)


def quantize(results: Results) -> str:
    """One sentence on quantisation after training, beside the peer's."""
    ours, theirs = (
        {m: value(results, case, m) for m in ("drop_points", "output_error_pct")}
        for case in ("apus", "onnxruntime-per-channel")
    )
    return (
        f"`apus quantize` on the demo's teacher: {ours['drop_points']:.2f} points lost, outputs moved by "
        f"{ours['output_error_pct']:.2f} %; ONNX Runtime's\n`quantize_static`, per channel, same images: "
        f"{theirs['drop_points']:.2f} points and {theirs['output_error_pct']:.2f} % (`{results['command']}`, "
        "five draws)."
    )
