"""Bayesian Bits: learn 0, 2, 4, 8, 16 or 32 bits for each tensor, and which output channels to prune.

Source: van Baalen et al. 2020, arXiv:2005.07093. `gates` and `quantizer` have the formulas, `layer` the layer that
they make, `place` and `network` the network and its penalty, `bops` the bit operations.
"""

from apus.techniques.bayesian_bits.bops import LayerBits, learned, macs, relative_bops, uniform
from apus.techniques.bayesian_bits.curves import BitCurve
from apus.techniques.bayesian_bits.gates import Gates
from apus.techniques.bayesian_bits.grids import WIDTHS
from apus.techniques.bayesian_bits.layer import BitLayer, compute
from apus.techniques.bayesian_bits.network import bit_layers, describe, freeze, parameter_groups, penalty
from apus.techniques.bayesian_bits.place import Widths, fixed, prepare
from apus.techniques.bayesian_bits.quantizer import Quantizer

__all__ = [
    "WIDTHS",
    "BitCurve",
    "BitLayer",
    "Gates",
    "LayerBits",
    "Quantizer",
    "Widths",
    "bit_layers",
    "compute",
    "describe",
    "fixed",
    "freeze",
    "learned",
    "macs",
    "parameter_groups",
    "penalty",
    "prepare",
    "relative_bops",
    "uniform",
]
