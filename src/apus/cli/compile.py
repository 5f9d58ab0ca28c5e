"""`apus compile model.onnx`: an ONNX model to an `.apus` file."""

import argparse
from pathlib import Path
from typing import Any

from apus._files import existing_file, file_to_be
from apus.artifact import Graph, value_bits, write
from apus.bench.layers import FOREIGN, error_bound, own_graphs, weight_counts
from apus.cli.inputs import add_precision_argument, parse_shapes
from apus.cli.output import emit, smaller
from apus.compile import compile_graph
from apus.compile.source import prepare
from apus.errors import CompileError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus compile`."""
    parser.add_argument("model", help="the ONNX model")
    parser.add_argument("-o", "--output", help="where the file goes (default: beside the model, ending in .apus)")
    add_precision_argument(parser)
    parser.add_argument("--shape", action="append", default=[], metavar="NAME=1,3,224,224", help="fix an input's shape")
    parser.add_argument(
        "--allow", choices=["onnxruntime"], help="who may run what the engine refuses, or runs slower here (measured)"
    )
    parser.add_argument("--threads", type=int, help="threads of that measurement (default: every usable core)")


def run(options: argparse.Namespace) -> int:
    """Compile, write, and say how much smaller it became."""
    model = existing_file(options.model)
    output = file_to_be(options.output, beside=model) if options.output else model.with_suffix(".apus")
    if options.threads is not None and (options.allow is None or options.threads < 1):
        raise CompileError(f"--threads {options.threads}: 1 or more, of the measurement that --allow onnxruntime makes")
    shapes = parse_shapes(options.shape) or None
    prepared = prepare(model)
    graph = compile_graph(
        prepared, precision=options.precision, shapes=shapes, allow=options.allow, threads=options.threads
    )
    write(graph, output)
    summary = _summary(graph, prepared.bytes, output)
    if not emit(options, summary):
        print(
            f"{output}: {summary['nodes']} layers ({_narrow(summary)}), {summary['bytes']:,} bytes, "
            f"{smaller(summary['ratio'])} than {model.name}; weights present: {summary['density_pct']:.1f} %"
        )
        if summary["error_bound"]:
            print(f"  outputs of float layers: off by at most {summary['error_bound']:.1e} of Σ|w||x| + |bias|")
        for part in summary["onnxruntime"]:
            print(f"  ONNX Runtime runs {part['nodes']} of {summary['onnx_nodes']} nodes: {part['why']}")
    return 0


def _summary(graph: Graph, before: int, output: Path) -> dict[str, Any]:
    size = output.stat().st_size
    own = own_graphs(graph)
    counts = [_weights(part) for part in own]
    kept, all_weights = sum(kept for kept, _ in counts), sum(total for _, total in counts)
    nodes = [node for part in own for node in part.nodes]
    values = [part.tensor(node, "values") for part in own for node in part.nodes if "values" in node.tensors]
    bounds = [error_bound(part, node) for part in own for node in part.nodes]
    return {
        "output": str(output),
        "nodes": len(nodes),
        "int8": sum("multiplier" in node.tensors and "values" in node.tensors for node in nodes),
        "bf16": sum(value_bits(array) == 16 for array in values),
        "error_bound": max((bound for bound in bounds if bound is not None), default=0.0),
        "onnxruntime": [{"nodes": s.nodes, "why": s.why} for s in graph.segments if s.engine == FOREIGN],
        "onnx_nodes": sum(s.nodes for s in graph.segments),
        "bytes": size,
        "ratio": before / max(size, 1),
        "density_pct": 100 * kept / all_weights if all_weights else 100.0,
    }


def _narrow(summary: dict[str, Any]) -> str:
    return f"{summary['int8']} in int8" + (f", {summary['bf16']} in bf16" if summary["bf16"] else "")


def _weights(graph: Graph) -> tuple[int, int]:
    """Non-zero weights, and all that a dense model has, over layers in blocks."""
    counts = [weight_counts(graph, node) for node in graph.nodes]
    present = [count for count in counts if count is not None]
    return sum(kept for kept, _ in present), sum(total for _, total in present)
