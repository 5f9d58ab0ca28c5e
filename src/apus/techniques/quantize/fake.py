"""Fixed-bit fake quantisation: numbers take integer levels in the forward pass, gradients pass straight through.

Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
2017, arXiv:1712.05877 (Eq. numbers are its); straight-through: Bengio et al. 2013, arXiv:1308.3432.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

QUANTISABLE = (nn.Linear, nn.Conv1d, nn.Conv2d)
Layer = nn.Linear | nn.Conv1d | nn.Conv2d

SMALLEST = 1e-8  # a scale of 0 could not be divided by
MOMENTUM = 0.99  # share of the old range after a batch


def weight_scale(weight: Tensor, bits: int) -> Tensor:
    """Step of each output channel, s_m = max|w_m| / (2^(bits-1) - 1): symmetric, so 0 is a level and -128 is unused.

    Of the three levels that 2 bits leave, the outer ones would stand for few weights then; they are the mean |w| of
    those above 0.7 of the channel's mean instead.

    Args:
        weight: (M, ...).
        bits: 2..8.

    Returns:
        (M,), > 0.

    Source: §3.1, "weights range in [-127, 127]"; of 2 bits Li, Liu, "Ternary Weight Networks", 2016,
        arXiv:1605.04711, Eq. (5) and (6).
    """
    if bits == 2:
        size = weight.detach().abs().flatten(1)
        large = size > 0.7 * size.mean(1, keepdim=True)
        return ((size * large).sum(1) / large.sum(1).clamp_min(1)).clamp_min(SMALLEST)
    return weight.detach().abs().flatten(1).amax(1).div(2 ** (bits - 1) - 1).clamp_min(SMALLEST)


def fake_weight(weight: Tensor, bits: int) -> Tensor:
    """Round each weight to its channel's levels, w ≈ s_m · clamp(round(w / s_m)); the gradient is that of w.

    Args:
        weight: (M, ...).
        bits: 2..8.

    Returns:
        (M, ...), float.

    Source: Eq. (12).

    >>> fake_weight(torch.tensor([[1.0, 0.25, -0.5]]), 3)
    tensor([[ 1.0000,  0.3333, -0.6667]])
    """
    most, scale = 2 ** (bits - 1) - 1, weight_scale(weight, bits)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -most, most)


def affine(low: Tensor, high: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Scale and zero point whose levels 0..2^bits - 1 cover a range and contain 0 exactly.

    Args:
        low: least value, a scalar; taken as at most 0.
        high: greatest value, a scalar; taken as at least 0.
        bits: 2..8.

    Returns:
        Scale s > 0, and zero point Z in 0..2^bits - 1 (int32), for r = s · (q - Z).

    Source: Eq. (1) and (13).
    """
    low, high, levels = low.clamp_max(0), high.clamp_min(0), 2**bits - 1
    scale = ((high - low) / levels).clamp_min(SMALLEST)
    return scale, torch.round(-low / scale).clamp(0, levels).to(torch.int32)


class ActivationQuantizer(nn.Module):
    """Per-tensor affine uint8 fake quantisation that watches its range, until it is frozen.

    Args:
        bits: 2..8.

    Attributes:
        low: smallest value, a moving one.
        high: greatest value, a moving one.
        scale: of the levels.
        zero_point: the level of 0.
        observing: whether the range moves in training.
        seen: whether there is a range yet.
    """

    low: Tensor
    high: Tensor
    scale: Tensor
    zero_point: Tensor
    observing: Tensor
    seen: Tensor

    def __init__(self, bits: int = 8) -> None:
        super().__init__()
        self.bits = bits
        for name, value in {"low": 0.0, "high": 0.0, "scale": 1.0}.items():
            self.register_buffer(name, torch.tensor(value))
        self.register_buffer("zero_point", torch.tensor(0, dtype=torch.int32))
        self.register_buffer("observing", torch.tensor(True))
        self.register_buffer("seen", torch.tensor(False))

    def forward(self, x: Tensor) -> Tensor:
        """Fake-quantise a batch (any shape) to float32 levels; gradients pass where x lies inside the range."""
        x = x.float()  # bfloat16 has too few digits for 256 levels
        if self.training and self.observing:
            self.observe(x)
        return torch.fake_quantize_per_tensor_affine(x, self.scale, self.zero_point, 0, 2**self.bits - 1)

    @torch.no_grad()
    def observe(self, x: Tensor) -> None:
        """Move the range towards the batch's minimum and maximum; the first batch sets it.

        Args:
            x: any shape.
        """
        low, high = torch.aminmax(x)
        if self.seen:
            low, high = (old * MOMENTUM + new * (1 - MOMENTUM) for old, new in ((self.low, low), (self.high, high)))
        self.low.copy_(low)
        self.high.copy_(high)
        self.seen.fill_(True)
        scale, zero_point = affine(self.low, self.high, self.bits)
        self.scale.copy_(scale)
        self.zero_point.copy_(zero_point)


class QuantLayer(nn.Module):
    """A Linear, Conv1d or Conv2d whose weight is fake-quantised per output channel.

    Args:
        layer: keeps its own weight and bias.
        bits: of the weight, 2..8.
        input_quantizer: quantises the input first; None where a neighbour has done so.
    """

    def __init__(self, layer: Layer, bits: int = 8, input_quantizer: ActivationQuantizer | None = None) -> None:
        super().__init__()
        self.layer, self.bits, self.input_quantizer = layer, bits, input_quantizer

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output, from fake-quantised weights."""
        if self.input_quantizer is not None:
            x = self.input_quantizer(x)
        return compute(self.layer, x, fake_weight(self.layer.weight, self.bits))


class QuantEmbedding(nn.Module):
    """A table of embeddings whose rows are fake-quantised, each with its own step.

    Args:
        table: keeps its own weight.
        bits: 2..8.

    Source: Li et al., "DQ-BART", 2022, arXiv:2203.11239, §3.1 (row-wise for embeddings).
    """

    def __init__(self, table: nn.Embedding, bits: int = 8) -> None:
        super().__init__()
        self.layer, self.bits = table, bits

    @property
    def weight(self) -> Tensor:
        """The fake-quantised table, as a layer that shares it would read it."""
        return fake_weight(self.layer.weight, self.bits)

    def forward(self, x: Tensor) -> Tensor:
        """Rows of integer tokens x (any shape) → (..., width); a used row alone gets a gradient."""
        rows = F.embedding(x.flatten(), self.layer.weight)
        return fake_weight(rows, self.bits).reshape(*x.shape, -1)


def compute(layer: Layer, x: Tensor, weight: Tensor) -> Tensor:
    """A layer's output with another weight in the place of its own."""
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, layer.bias)
    return cast(Tensor, layer._conv_forward(x, weight, layer.bias))


def integer_weight(layer: QuantLayer | QuantEmbedding) -> tuple[Tensor, Tensor]:
    """What is stored of a layer: int8 levels and their scales, w ≈ scale · level.

    Args:
        layer: its weight is (M, ...).

    Returns:
        Levels int8 (M, ...) and scales float32 (M,).
    """
    weight = layer.layer.weight.detach()
    most, scale = 2 ** (layer.bits - 1) - 1, weight_scale(weight, layer.bits)
    per_row = scale.reshape(-1, *[1] * (weight.ndim - 1))
    # the reciprocal, as torch's own fake quantise has it: else a tie could fall elsewhere than in training
    return torch.round(weight * (1 / per_row)).clamp(-most, most).to(torch.int8), scale
