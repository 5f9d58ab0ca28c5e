"""Fixed-bit fake quantisation of any network: int weights per output channel, uint activations per tensor.

Source: Jacob et al. 2017, arXiv:1712.05877. `fake` has the formulas, `fold` the normalisations, `place` the graph.
"""

from apus.techniques.quantize.fake import (
    ActivationQuantizer,
    QuantEmbedding,
    QuantLayer,
    affine,
    compute,
    fake_weight,
    integer_weight,
    weight_scale,
)
from apus.techniques.quantize.fold import fold_batch_norms
from apus.techniques.quantize.place import calibrate, observe, prepare, quantizers

__all__ = [
    "ActivationQuantizer",
    "QuantEmbedding",
    "QuantLayer",
    "affine",
    "calibrate",
    "compute",
    "fake_weight",
    "fold_batch_norms",
    "integer_weight",
    "observe",
    "prepare",
    "quantizers",
    "weight_scale",
]
