"""A layer whose weight and input are behind Bayesian Bits' quantisers, its outputs behind pruning gates."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from apus.techniques.bayesian_bits.gates import Gates, decided
from apus.techniques.bayesian_bits.quantizer import Quantizer, straight_round

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Embedding
INTEGER_BITS = 8  # up to here an engine multiplies integers, beyond it floats
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
        if self.input_bits is not None:
            x = self.input_bits(x)
        return compute(self.layer, x, *self.deployed())

    def deployed(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias as the layer computes with them.

        Once every gate is decided the bias lies on the grid of the accumulators, s_x · s_w, as in an integer engine
        (Jacob et al. 2017, arXiv:1712.05877, Eq. (11)): with few bits that is coarse, and training must know.
        """
        weight, bias = self.layer.weight, getattr(self.layer, "bias", None)
        if bias is not None and (unit := self._unit()) is not None:
            bias = straight_round(bias / unit) * unit
        if self.weight_bits is not None:
            weight = self.weight_bits(weight)
        if self.keep is not None:
            z, axis = self.keep(), output_axis(self.layer)
            weight = weight * z.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
            bias = None if bias is None else bias * z  # else the channel would be a constant, not nothing
        return weight, bias

    def _unit(self) -> Tensor | None:
        """s_x · s_w where both are of 8 bits or fewer and decided, a scalar or (M,)."""
        x, w = self.input_bits, self.weight_bits
        if x is None or w is None or (self.training and not (x.gates.frozen() and w.gates.frozen())):
            return None
        if max(x.bits(), w.bits()) > INTEGER_BITS:
            return None
        unit = (x.step() * w.step()).detach()
        return unit.reshape(-1) if unit.ndim else unit

    def kept(self) -> Tensor:
        """Bool (M,): which output channels the test-time gates keep."""
        M = self.layer.weight.shape[output_axis(self.layer)]
        if self.keep is None:
            return self.layer.weight.new_ones(M).bool()
        return decided(self.keep.phi)


def compute(layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A layer's output with another weight and bias in the place of its own."""
    if isinstance(layer, nn.Embedding):
        return F.embedding(x, weight, layer.padding_idx, layer.max_norm, layer.norm_type, layer.scale_grad_by_freq)
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, bias)
    return cast(Tensor, layer._conv_forward(x, weight, bias))
