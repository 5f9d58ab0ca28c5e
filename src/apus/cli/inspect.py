"""`apus inspect model.apus`: each layer, what it holds, what runs it, why, and how long it takes."""

import argparse
import warnings
from pathlib import Path
from typing import Any

from apus._files import existing_file
from apus.bench.layers import FOREIGN, Examined, Layer, examine
from apus.cli.inputs import (
    add_allow_argument,
    add_input_arguments,
    add_precision_argument,
    count,
    make_feed,
    model_inputs,
)
from apus.cli.output import Column, emit, print_table

_WEIGHED = ("threads", "estimated µs", "measured µs")
_TEXT, _NUMBER = ("layer", "operation", "output"), ("bits", "present", "bytes")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus inspect`."""
    parser.add_argument("model", help="an .apus file, or an ONNX model to compile in memory")
    parser.add_argument("--threads", type=int, default=1, help="threads per layer (default: 1)")
    parser.add_argument("--runs", type=count, default=100, help="timed runs; the median is shown (default: 100)")
    parser.add_argument("--no-time", action="store_true", help="plan only, run nothing")
    parser.add_argument("--kernels", action="store_true", help="list every kernel that was weighed, with its estimate")
    add_allow_argument(parser)
    add_precision_argument(parser)
    add_input_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    model = existing_file(options.model)
    feed = make_feed(model_inputs(model), options)
    runs = 0 if options.no_time else options.runs
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*ONNX Runtime runs")  # what runs there is printed
        examined = examine(
            model, feed, threads=options.threads, runs=runs, allow=options.allow, precision=options.precision
        )
    found = examined.layers
    if emit(options, found):
        return 0
    timed = ("µs", "share") if runs else ()
    columns = [Column(heading) for heading in _TEXT] + [Column(heading, number=True) for heading in _NUMBER]
    columns += [Column("kernel"), Column("isa")] + [Column(heading, number=True) for heading in timed] + [Column("why")]
    print_table(_title(model, found), columns, [_cells(layer) for layer in found])
    if line := _shared(examined):
        print(line)
    if options.kernels:
        headings = [Column("layer"), Column("kernel"), *(Column(h, number=True) for h in _WEIGHED)]
        print_table("Kernels weighed, best first", headings, [row for layer in found for row in _weighed(layer)])
    return 0


def _weighed(layer: Layer) -> list[list[Any]]:
    rows = []
    for option in layer["options"]:
        measured = f"{option['measured_us']:.2f}" if option["measured_us"] else ""
        rows.append([layer["name"], option["kernel"], option["threads"], f"{option['estimated_us']:.2f}", measured])
    return rows


def _shared(examined: Examined) -> str:
    """How much runs natively, and what does not; nothing where all does."""
    theirs = [layer for layer in examined.layers if layer["kernel"] == FOREIGN]
    if not theirs:
        return ""
    time = "" if examined.native_share is None else f", {100 * examined.native_share:.1f} % of the time"
    lines = [f"native: {examined.native} of {examined.nodes} nodes{time}; the rest runs in ONNX Runtime:"]
    return "\n".join(lines + [f"  {layer['name']}: {layer['why']}" for layer in theirs])


def _title(model: Path, found: list[Layer]) -> str:
    micros = sum(layer.get("microseconds", 0.0) for layer in found)
    time = f", {micros:,.1f} µs" if micros else ""
    return f"{model}: {len(found)} layers, {sum(layer['bytes'] for layer in found):,} bytes of constants{time}"


def _cells(layer: Layer) -> list[Any]:
    density = layer["density"]
    cells = [
        layer["name"],
        layer["op"],
        "×".join(map(str, layer["shape"])),
        layer["bits"] or "",
        "" if density is None else f"{100 * density:.1f} %",
        f"{layer['bytes']:,}" if layer["bytes"] else "",
        layer["kernel"],
        layer["isa"],
    ]
    if "microseconds" in layer:
        cells += [f"{layer['microseconds']:.2f}", f"{100 * layer['share']:.1f} %"]
    return [*cells, layer["why"]]
