"""Data echoing."""

from tables.read import Results, detail, value


def echo(results: Results) -> str:
    """Fresh reads by place and factor, then what the clock says."""
    lines = ["| fresh reads to the same accuracy, without echo 1 | e = 2 | e = 4 | e = 8 |", "|---|---|---|---|"]
    for place, name in (("before", "before augmentation"), ("after", "after augmentation"), ("batch", "whole batches")):
        ratios = (value(results, f"fresh-{place}-e{e}", "fresh_ratio") for e in (2, 4, 8))
        lines.append(f"| {name} | " + " | ".join(f"{ratio:.2f}x" for ratio in ratios) + " |")
    twice, four = (value(results, f"onepass-text-e{e}", "fresh_ratio") for e in (2, 4))
    costs = detail(results, "overhead-e1", "overhead_pct")["us_per_batch"]
    return "\n".join(
        [
            *lines,
            "",
            "Fashion-MNIST, 6,000 training images, 80 % of the test images right, learning rate tuned for each,",
            f"medians of five seeds; text that is read once needs {twice:.2f}x (e = 2) and {four:.2f}x (e = 4).",
            "On the clock:",
            "",
            "- a source six times slower than the step, e = 5 before augmentation:",
            f"  {sooner(results, 'wallclock-r6-e5')};",
            f"- drawings whose PNG decoding is the bottleneck, `auto`: {sooner(results, 'decode-bound-auto')} with one",
            f"  decoding worker, {sooner(results, 'decode-bound-auto-w2')} with two on the same two cores;",
            f"- an echo of 1 costs {costs:.0f} µs a batch.",
            "",
            f"Measured by `{results['command']}` on {results['env']['cpu']}, {results['date'][:10]}.",
        ]
    )


def sooner(results: Results, case: str) -> str:
    """A speed-up, and the accuracies on both sides of it, without echo first."""
    plain, echoed = detail(results, case, "speedup")["test_accuracy"].values()
    return f"{value(results, case, 'speedup'):.2f}x sooner at {100 * echoed:.1f} % (without: {100 * plain:.1f} %)"
