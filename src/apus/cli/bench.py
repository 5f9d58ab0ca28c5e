"""`apus bench model --against onnxruntime,openvino`: outputs compared, then latencies measured in turns."""

import argparse
from pathlib import Path

from apus._files import existing_file, file_to_be
from apus.bench import Contender, Measurement, compare, contender, row, write_results
from apus.bench.contenders import check_engine
from apus.bench.machine import environment
from apus.cli.inputs import (
    add_allow_argument,
    add_input_arguments,
    add_precision_argument,
    amount,
    make_feed,
    model_inputs,
)
from apus.cli.output import Column, emit, print_table
from apus.errors import RunError

_COLUMNS = [Column("engine")] + [
    Column(heading, number=True) for heading in ("p50 µs", "p99 µs", "min µs", "per second", "Apus is", "max rel error")
]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus bench`."""
    parser.add_argument("model", help="an .apus file or an ONNX model")
    parser.add_argument(
        "--against", default="onnxruntime", help="any of onnxruntime,openvino,torch (default: the first)"
    )
    parser.add_argument("--onnx", help="the ONNX model for the others, when `model` is an .apus file")
    parser.add_argument("--torch", metavar="FILE.pt2", help="the exported program for torch, which reads no ONNX")
    parser.add_argument("--threads", type=int, default=1, help="threads and CPUs of every engine (default: 1)")
    parser.add_argument("--seconds", type=amount, default=3.0, help="timed seconds per engine (default: 3)")
    parser.add_argument("--tolerance", type=amount, default=0.1, help="largest max|a-b| / max|b| (default: 0.1)")
    parser.add_argument("-o", "--output", help="also write the results as JSON here")
    add_allow_argument(parser)
    add_precision_argument(parser)
    add_input_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    model = existing_file(options.model)
    output = file_to_be(options.output) if options.output else None
    feed = make_feed(model_inputs(model), options)
    contenders = _contenders(options, model)
    measured = compare(contenders, feed, threads=options.threads, seconds=options.seconds, tolerance=options.tolerance)
    rows = [m.row(f"{model.stem}-{m.contender}") for m in measured]
    rows += [
        row(model.stem, f"speedup_vs_{m.contender}", m.p50_us / measured[0].p50_us, "x", runs=m.runs)
        for m in measured[1:]
    ]
    if output:
        write_results(output, model.stem, _command(options), rows, threads=options.threads)
    env = environment(options.threads)
    if not emit(options, {"command": _command(options), "env": env, "rows": rows}):
        title = f"{model.name}, batch {measured[0].batch}, {options.threads} thread(s), {env['cpu']}, {env['isa']}"
        print_table(title, _COLUMNS, [_cells(m, measured[0]) for m in measured])
    return 0


def _contenders(options: argparse.Namespace, model: Path) -> list[Contender]:
    made = [contender("apus", model, allow=options.allow, precision=options.precision)]
    for engine in filter(None, options.against.split(",")):
        made.append(contender(engine, _model_for(engine, options, model)))
    return made


def _model_for(engine: str, options: argparse.Namespace, model: Path) -> Path:
    check_engine(engine)
    if engine == "torch":
        if not options.torch:
            raise RunError("contender torch reads no ONNX: give --torch FILE.pt2 (made by torch.export.save)")
        return existing_file(options.torch)
    if options.onnx:
        return existing_file(options.onnx)
    if model.suffix == ".apus":
        raise RunError(f"{engine} cannot read {model.name}: give the ONNX model it was compiled from with --onnx")
    return model


def _command(options: argparse.Namespace) -> str:
    words = ["apus bench", options.model, "--against", options.against, "--threads", options.threads]
    words += ["--precision", options.precision] if options.precision != "fp32" else []
    return " ".join(map(str, words + (["--batch", options.batch] if options.batch else [])))


def _cells(m: Measurement, ours: Measurement) -> list[str]:
    ratio = m.p50_us / ours.p50_us
    return [
        m.contender,
        f"{m.p50_us:,.1f}",
        f"{m.p99_us:,.1f}",
        f"{m.min_us:,.1f}",
        f"{m.per_second:,.0f}",
        "" if m is ours else f"{ratio:.2f}x faster" if ratio >= 1 else f"{1 / ratio:.2f}x slower",
        "" if m.agreement is None else f"{m.agreement.relative:.2g}",
    ]
