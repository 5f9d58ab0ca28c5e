"""Measure contenders fairly, side by side, and write results in one shape.

One file per contender in `apus.bench.contenders`; `compare` checks their outputs, then times them in turns.
"""

from apus.bench.compare import compare
from apus.bench.contender import Contender, Inputs, Runner
from apus.bench.contenders import KNOWN, contender
from apus.bench.environment import environment
from apus.bench.layers import layers, weight_counts
from apus.bench.measurement import Agreement, Measurement
from apus.bench.results import row, write_results
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
    "layers",
    "row",
    "verify",
    "weight_counts",
    "write_results",
]
