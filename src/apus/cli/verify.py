"""`apus verify model.onnx model.apus`: is it the same function?"""

import argparse
from dataclasses import asdict

from apus._files import existing_file
from apus.bench.verification import OutputCheck, verify
from apus.cli.inputs import add_input_arguments, amount, make_feed
from apus.cli.output import Column, emit, print_table
from apus.errors import VerificationError
from apus.runtime import Session

_COLUMNS = [Column("output")] + [
    Column(heading, number=True) for heading in ("max abs", "max rel", "ULP", "LSB", "argmax same", "allowed rel", "")
]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus verify`."""
    parser.add_argument("onnx", help="the reference, run by ONNX Runtime")
    parser.add_argument("apus", help="the .apus file")
    parser.add_argument(
        "--tolerance", type=amount, help="largest max|a-b| / max|b| (default: 1e-4 float, 0.02 bf16, 0.05 int8)"
    )
    add_input_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Compare and print.

    Args:
        options: of the command line.

    Returns:
        Exit status.

    Raises:
        VerificationError: an output is off by more than the tolerance.
    """
    model, artifact = existing_file(options.onnx), existing_file(options.apus)
    feed = make_feed(Session(artifact, threads=1).get_inputs(), options)
    checks = verify(model, artifact, feed, tolerance=options.tolerance)
    if not emit(options, [asdict(check) | {"passed": check.passed} for check in checks]):
        print_table(f"{artifact} against {model}", _COLUMNS, [_cells(check) for check in checks])
    if failed := [check for check in checks if not check.passed]:
        worst = max(failed, key=lambda check: check.relative)
        raise VerificationError(
            f"output {worst.output!r} of {artifact} differs by {worst.relative:.2g} of its largest value "
            f"(allowed {worst.tolerance:.2g})"
        )
    return 0


def _cells(check: OutputCheck) -> list[str]:
    return [
        check.output,
        f"{check.max_absolute:.3g}",
        f"{check.relative:.3g}",
        "–" if check.ulp is None else f"{check.ulp:.1f}",
        "–" if check.lsb is None else f"{check.lsb:.2f}",
        "–" if check.argmax_pct is None else f"{check.argmax_pct:.2f} %",
        f"{check.tolerance:.3g}",
        "ok" if check.passed else "FAILED",
    ]
