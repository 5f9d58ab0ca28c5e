"""A layer whose weight and input are behind Bayesian Bits' quantisers, its outputs behind pruning gates."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from apus.techniques.bayesian_bits.gates import Gates, decided
from apus.techniques.bayesian_bits.quantizer import Quantizer

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Embedding
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding)


def output_axis(layer: Layer) -> int:
    """The weight's axis that runs over outputs: an embedding's outputs are its columns."""
    return 1 if isinstance(layer, nn.Embedding) else 0


class BitLayer(nn.Module):
    """A Linear, Conv1d, Conv2d or Embedding of learned width.

    Args:
        layer: keeps its own weight and bias.
        weight_bits: quantises the weight; None leaves it float.
        input_bits: quantises the input; None leaves it float, as an embedding's indices must be.
        keep: a gate for each output channel, 0 prunes it; None keeps all.
        cost: what one bit more costs here; `penalty` divides by the network's greatest.
    """

    def __init__(
        self,
        layer: Layer,
        weight_bits: Quantizer | None,
        input_bits: Quantizer | None,
        keep: Gates | None,
        cost: float,
    ) -> None:
        super().__init__()
        self.layer, self.weight_bits, self.input_bits, self.keep = layer, weight_bits, input_bits, keep
        self.cost = cost

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output; x as the layer's own. A pruned channel is exactly 0, so that it can be cut out."""
        weight, bias = self.layer.weight, getattr(self.layer, "bias", None)
        if self.input_bits is not None:
            x = self.input_bits(x)
        if self.weight_bits is not None:
            weight = self.weight_bits(weight)
        if self.keep is not None:
            z, axis = self.keep(), output_axis(self.layer)
            weight = weight * z.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
            bias = None if bias is None else bias * z  # else the channel would be a constant, not nothing
        return _compute(self.layer, x, weight, bias)

    def kept(self) -> Tensor:
        """Bool (M,): which output channels the test-time gates keep."""
        M = self.layer.weight.shape[output_axis(self.layer)]
        if self.keep is None:
            return self.layer.weight.new_ones(M).bool()
        return decided(self.keep.phi)


def _compute(layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A layer's output with another weight and bias in the place of its own."""
    if isinstance(layer, nn.Embedding):
        return F.embedding(x, weight, layer.padding_idx, layer.max_norm, layer.norm_type, layer.scale_grad_by_freq)
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, bias)
    return cast(Tensor, layer._conv_forward(x, weight, bias))
