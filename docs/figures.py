"""Draw README's tables and plots from the JSON under `benchmarks/results/`, so that no number is typed by hand.

`python docs/figures.py` rewrites what stands between `<!-- NAME -->` and `<!-- /NAME -->` in `PAGES`, and the
plots in docs/images;
`python docs/figures.py --check` fails when a page says anything else than the JSON.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
Results = dict[str, Any]


def value(results: Results, case: str, metric: str) -> float:
    """The one row of this case and metric."""
    return float(next(r["value"] for r in results["rows"] if (r["case"], r["metric"]) == (case, metric)))


def detail(results: Results, case: str, metric: str) -> Results:
    """What explains the one row of this case and metric."""
    return dict(next(r["detail"] for r in results["rows"] if (r["case"], r["metric"]) == (case, metric)))


def size(count: float) -> str:
    """Bytes as a reader says them."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


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
    one = "linear-1024-n128-s90-cores-"
    cores = " and ".join(f"{value(results, one + p, 'two_cores_speedup'):.2f}x ({p})" for p in ("int8", "fp32"))
    return "\n".join([*lines, "", f"Two cores against one, batch 128, 90 % zeros: {cores}."])


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


def measured(results: Results) -> str:
    """By what, where and when."""
    return f"Measured by `{results['command']}`, one thread, on {results['env']['cpu']}, {results['date'][:10]}."


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


TABLES: dict[str, Callable[[Results], str]] = {
    "demo": demo,
    "quantize": quantize,
    "kernels": kernels,
    "kernels:density": density,
    "models": models,
    "onnx": onnx,
    "echo": echo,
    "devices": devices,
    "devices.accuracy": accuracy,
}
PAGES = {
    "README.md": ("demo", "quantize", "kernels", "models", "onnx", "echo"),
    "docs/echo.md": ("echo",),
    "docs/devices.md": ("devices", "devices.accuracy"),
    "docs/kernels.md": ("kernels", "kernels:density"),
}


def rendered(page: str) -> str:
    """A page with every block of its own drawn anew."""
    text = (ROOT / page).read_text()
    for name in PAGES[page]:
        source = name.partition(":")[0]
        drawn = TABLES[name](json.loads((RESULTS / f"{source}.json").read_text()))
        block = f"<!-- {name} -->\n{drawn}\n<!-- /{name} -->"
        text, count = re.subn(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"{page} needs exactly one block <!-- {name} --> … <!-- /{name} -->, has {count}")
    return text


OFFSETS = {
    "teacher, ONNX Runtime": (-20, -34),
    "int8, best peer": (12, -26),
    "distilled, Apus": (-100, 8),
    "pruned 16x1, Apus": (8, 10),
    "int8, Apus": (8, 8),
}


def marks(results: Results) -> list[tuple[str, float, float, float, str]]:
    """(name, microseconds, percent, bytes, colour): two networks in the best peer, and each later stage in Apus."""
    teacher = (value(results, "teacher", metric) for metric in ("p50_us", "accuracy_pct", "bytes"))
    names = {"student": "distilled, Apus", "prune": "pruned 16x1, Apus", "quantize": "int8, Apus"}
    stages = [s for s in results["stages"] if s["stage"] in names]
    ours = [(names[s["stage"]], s["p50_us"], s["accuracy_pct"], s["bytes"], "#c2410c") for s in stages]
    peer = next(r["detail"] for r in results["rows"] if r["metric"] == "speedup_vs_dense_int8_peer")
    last = stages[-1]
    dense = (peer["peers_us"][peer["best_peer"]], last["accuracy_pct"], last["onnx_bytes"], "#475569")
    return [("teacher, ONNX Runtime", *teacher, "#475569"), ("int8, best peer", *dense), *ours]


def plot(results: Results, path: Path) -> None:
    """Accuracy against latency, the area of a mark in proportion to the file's size."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "apus", "font.size": 11})
    from matplotlib import pyplot
    from matplotlib.ticker import NullLocator

    figure, axes = pyplot.subplots(figsize=(7.2, 3.6))
    for name, x, y, count, colour in marks(results):
        axes.scatter(x, y, s=max(30, count / 3e3), color=colour, alpha=0.75, linewidths=0)
        axes.annotate(f"{name}\n{size(count)}", (x, y), textcoords="offset points", xytext=OFFSETS[name], fontsize=9)
    axes.set_xscale("log")
    axes.set_xticks([20, 50, 100, 200, 500], labels=["20", "50", "100", "200", "500"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.25, y=0.35)
    axes.set_xlabel("latency, µs (batch 1, one thread, p50)")
    axes.set_ylabel("test accuracy, %")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main(check: bool) -> int:
    """Rewrite pages and plots, or only compare."""
    new = {ROOT / page: rendered(page) for page in PAGES}
    if check:
        wrong = [path.name for path, text in new.items() if path.read_text() != text]
        print(f"{', '.join(wrong)}: run python docs/figures.py" if wrong else "The pages agree with the results")
        return len(wrong)
    for path, text in new.items():
        path.write_text(text)
    plot(json.loads((RESULTS / "demo.json").read_text()), ROOT / "docs" / "images" / "demo.svg")
    sys.path.insert(0, str(ROOT))
    from benchmarks.kernels.plots import draw

    draw(json.loads((RESULTS / "kernels.json").read_text())["rows"])
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
