"""The command `apus`: one file per sub-command, imported when it is called.

A sub-command is a module with `arguments(parser)` and `run(options) -> status`. To add one: the file and a row here.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from apus import __version__
from apus.cli.output import print_error
from apus.errors import ApusError, MissingExtraError, VerificationError

COMMANDS = {
    "compress": "a recipe, all the way: teacher, student, blocks, bits, ONNX, .apus, report",
    "quantize": "an fp32 ONNX model to int8, from calibration data alone",
    "compile": "an ONNX model to an .apus file",
    "bench": "measure a model against other engines, in turns and on equal terms",
    "inspect": "each layer: shape, bits, sparsity, kernel, why, microseconds",
    "verify": "an .apus file against its ONNX model in ONNX Runtime",
    "say": "English to speech, into a file or a player",
    "serve": "answer the Open Inference Protocol (v2) over HTTP",
    "search": "look for the best recipes: accuracy against latency and bytes",
    "diagnose": "what bounds a training script, input, copy or compute, and the cheapest cure",
    "tpu": "would a training script stall, recompile and fit on a TPU? answered without one",
    "doctor": "what this machine offers, what is missing, and the command that adds it",
}

DISAGREE, WRONG, INTERRUPTED = 1, 2, 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, like every other error of the command."""

    def error(self, message: str) -> NoReturn:
        print_error(f"{message} (see {self.prog} --help)")
        raise SystemExit(WRONG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: words after `apus`; those of the process by default.

    Returns:
        Exit status: 0 done, 1 two runs disagree, 2 something is wrong and said in one line, 130 interrupted.
    """
    try:
        return _dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        print_error("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as head, has left: nothing to say to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ApusError, OSError, ModuleNotFoundError, MemoryError) as error:
        if os.environ.get("APUS_DEBUG"):
            raise
        print_error(_explain(error))
        return DISAGREE if isinstance(error, VerificationError) else WRONG


def _dispatch(words: list[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), None)
    if name is not None and name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        print_error(f"no command {name!r}{f'; did you mean {near[0]!r}?' if near else ''} (see apus --help)")
        return WRONG
    parser, module = _parser(name)
    options = parser.parse_args(words)
    if module is None:
        parser.print_help()
        return 0
    status: int = module.run(options)
    return status


def _parser(name: str | None) -> tuple[_Parser, ModuleType | None]:
    """The parser, with the arguments of the one sub-command that is called."""
    parser = _Parser(prog="apus", description="Neural networks made cheap: to train, to store, to run on a CPU.")
    parser.add_argument("--version", action="version", version=f"apus {__version__}")
    commands = parser.add_subparsers(metavar="command", parser_class=_Parser)
    module = None
    for command, purpose in COMMANDS.items():
        sub = commands.add_parser(command, help=purpose, description=purpose[0].upper() + purpose[1:] + ".")
        if command == name:
            module = import_module(f"apus.cli.{command}")
            module.arguments(sub)
            sub.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser, module


def _explain(error: Exception) -> str:
    """One line; an absent package becomes the command that adds it."""
    if isinstance(error, ModuleNotFoundError) and not isinstance(error, MissingExtraError):
        from apus.cli.extras import command_for

        return f"{error.name} is not installed: {command_for(error.name or '')}"
    said = " ".join(str(error).split()) or type(error).__name__
    return f"not enough memory: {said}" if isinstance(error, MemoryError) else said
