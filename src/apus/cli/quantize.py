"""`apus quantize model.onnx --calibration data.npz`: int8 without training."""

import argparse
from collections import Counter
from typing import get_args

from apus._files import existing_file, file_to_be
from apus.cli.output import emit, smaller
from apus.compile.post_training import Settings, quantize
from apus.compile.post_training.ranges import Method
from apus.errors import RecipeError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus quantize`."""
    default = Settings()
    parser.add_argument("model", help="the fp32 ONNX model")
    parser.add_argument("--calibration", required=True, metavar="FILE.npz", help="typical inputs, arrays by input name")
    parser.add_argument("-o", "--output", help="where the model goes (default: beside it, ending in -int8.onnx)")
    parser.add_argument("--ranges", choices=get_args(Method), default=default.ranges, help="how ranges are set")
    parser.add_argument(
        "--percentile", type=float, help="of the values that --ranges percentile keeps (default: 99.99)"
    )
    parser.add_argument("--no-bias-correction", action="store_true", help="leave the biases as they are")
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="names of ONNX nodes that stay in float, such as '/head/*'; may be given again",
    )


def run(options: argparse.Namespace) -> int:
    """Quantise, write, and say what became of it."""
    model = existing_file(options.model)
    output = file_to_be(options.output, beside=model) if options.output else model.with_name(f"{model.stem}-int8.onnx")
    if options.percentile is not None and options.ranges != "percentile":
        raise RecipeError(f"--percentile {options.percentile:g} needs --ranges percentile")
    settings = Settings(
        ranges=options.ranges,
        percentile=Settings().percentile if options.percentile is None else options.percentile,
        bias_correction=not options.no_bias_correction,
        exclude=tuple(options.exclude),
    )
    result = quantize(model, options.calibration, output, settings=settings)
    counts = Counter(node.op_type for node in result.graph.node)
    before, after = model.stat().st_size, max(output.stat().st_size, 1)
    summary = {"output": str(output), "bytes": after, "ratio": before / after, "nodes": dict(counts)}
    if not emit(options, summary):
        layers = sum(counts[op] for op in ("Conv", "Gemm", "MatMul"))
        print(f"{output}: {layers} layers with weights, {after:,} bytes, {smaller(before / after)} than {model.name}")
    return 0
