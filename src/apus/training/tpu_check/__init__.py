"""`apus tpu check`: would a script stall, recompile, agree and fit on a TPU? Answered on a machine without one.

Three looks, each in a process of its own: `lint` (stalls and changing shapes, by file and line), `emulated` (its first
losses on TorchTPU over XLA's CPU plug-in, against the CPU), `ahead` (its train step compiled by libtpu for real chips).
"""

from apus.training.tpu_check.check import LOOKS, Report, check
from apus.training.tpu_check.emulation import environment

__all__ = ["LOOKS", "Report", "check", "environment"]
