"""A prepared network in the words of ONNX: QuantizeLinear and DequantizeLinear, weights as int8 constants."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.onnx.ops import symbolic

from apus.techniques.quantize import ActivationQuantizer, QuantEmbedding, QuantLayer, compute, integer_weight

OPSET = 21


class QdqActivation(nn.Module):
    """Stores a tensor as uint8 and reads it back.

    Args:
        quantizer: frozen.

    Attributes:
        scale: a scalar.
        zero_point: uint8, a scalar.
    """

    scale: Tensor
    zero_point: Tensor

    def __init__(self, quantizer: ActivationQuantizer) -> None:
        super().__init__()
        self.register_buffer("scale", quantizer.scale.clone())
        self.register_buffer("zero_point", quantizer.zero_point.to(torch.uint8))

    def forward(self, x: Tensor) -> Tensor:
        """Two nodes: x (any shape) → uint8 → float32."""
        q = symbolic(
            "QuantizeLinear", (x, self.scale, self.zero_point), dtype=torch.uint8, shape=x.shape, version=OPSET
        )
        return symbolic(
            "DequantizeLinear", (q, self.scale, self.zero_point), dtype=torch.float32, shape=x.shape, version=OPSET
        )


class QdqLayer(nn.Module):
    """A layer whose weight is an int8 constant behind DequantizeLinear, one scale per output channel.

    Args:
        quantised: trained.

    Attributes:
        levels: int8 (M, ...).
        scale: float32 (M,).
        zero_point: int8 (M,), all 0.
    """

    levels: Tensor
    scale: Tensor
    zero_point: Tensor

    def __init__(self, quantised: QuantLayer) -> None:
        super().__init__()
        self.layer = quantised.layer
        self.input = QdqActivation(quantised.input_quantizer) if quantised.input_quantizer is not None else None
        levels, scale = integer_weight(quantised)
        self.register_buffer("levels", levels.contiguous())
        self.register_buffer("scale", scale)
        self.register_buffer("zero_point", torch.zeros_like(scale, dtype=torch.int8))

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output; x as the layer's own."""
        x = x if self.input is None else self.input(x)
        return compute(self.layer, x, _by_row(self.levels, self.scale, self.zero_point))


class QdqEmbedding(nn.Module):
    """A table of embeddings as an int8 constant behind DequantizeLinear, one scale per row.

    Args:
        quantised: trained.

    Attributes:
        levels: int8 (rows, width).
        scale: float32 (rows,).
        zero_point: int8 (rows,), all 0.
    """

    levels: Tensor
    scale: Tensor
    zero_point: Tensor

    def __init__(self, quantised: QuantEmbedding) -> None:
        super().__init__()
        levels, scale = integer_weight(quantised)
        self.register_buffer("levels", levels.contiguous())
        self.register_buffer("scale", scale)
        self.register_buffer("zero_point", torch.zeros_like(scale, dtype=torch.int8))

    def forward(self, x: Tensor) -> Tensor:
        """Rows of integer tokens."""
        return F.embedding(x, _by_row(self.levels, self.scale, self.zero_point))


def _by_row(levels: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
    """Levels and scales as float32, one node."""
    return symbolic(
        "DequantizeLinear",
        (levels, scale, zero_point),
        {"axis": 0},
        dtype=torch.float32,
        shape=levels.shape,
        version=OPSET,
    )


def to_qdq(model: nn.Module) -> nn.Module:
    """A copy of a network with its fake quantisation written as ONNX nodes; it can be exported, not run.

    Args:
        model: prepared by `techniques.quantize` or plain.

    Returns:
        The copy.
    """
    model = copy.deepcopy(model).eval()
    for name, module in list(model.named_modules()):
        parent, _, leaf = name.rpartition(".")
        if isinstance(module, QuantLayer):
            setattr(model.get_submodule(parent), leaf, QdqLayer(module))
        elif isinstance(module, QuantEmbedding):
            setattr(model.get_submodule(parent), leaf, QdqEmbedding(module))
        elif isinstance(module, ActivationQuantizer) and leaf != "input_quantizer":
            setattr(model.get_submodule(parent), leaf, QdqActivation(module))
    return model
