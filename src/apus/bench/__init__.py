"""Measure contenders fairly, side by side, and write results in one shape.

One file per contender in `apus.bench.contenders`; `compare` checks their outputs, then times them in turns.
"""

from apus.bench.contenders import KNOWN, contender
from apus.bench.machine import environment
from apus.bench.measurement import Agreement, Measurement
from apus.bench.protocol import Contender, Inputs, Runner
from apus.bench.results import row, write_results
from apus.bench.turns import compare
from apus.bench.verification import OutputCheck, verify

__all__ = [
    "KNOWN",
    "Agreement",
    "Contender",
    "Inputs",
    "Measurement",
    "OutputCheck",
    "Runner",
    "compare",
    "contender",
    "environment",
    "row",
    "verify",
    "write_results",
]
