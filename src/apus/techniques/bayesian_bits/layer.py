"""A layer whose weight and input are behind Bayesian Bits' quantisers, its outputs behind pruning gates."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from apus.techniques.bayesian_bits.gates import Gates, decided
from apus.techniques.bayesian_bits.quantizer import Quantizer, straight_round

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d | nn.Embedding
INTEGER_BITS = 8  # up to here an engine multiplies integers, beyond it floats
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, *TRANSPOSED, nn.Embedding)
ROWS = 16  # outputs of a 16x1 block


def output_axis(layer: Layer) -> int:
    """The weight's axis that runs over outputs; of embeddings and transposed convolutions it is the second."""
    return 1 if isinstance(layer, (nn.Embedding, *TRANSPOSED)) else 0


def gates_of(layer: Layer, blocks: bool) -> tuple[int, ...]:
    """Shape of the gates that can prune a layer.

    Args:
        layer: bare.
        blocks: a gate for 16 outputs of one input and tap, as the engine skips them; else one for each output channel.

    Returns:
        () where there is nothing to prune so: blocks of an embedding, of grouped or transposed convolutions, and
        channels of a transposed convolution with groups, whose weight does not have them in one axis.
    """
    axis, groups = output_axis(layer), int(getattr(layer, "groups", 1))
    if not blocks:
        return () if isinstance(layer, TRANSPOSED) and groups > 1 else (int(layer.weight.shape[axis]),)
    if axis or groups > 1:
        return ()
    M, *rest = layer.weight.shape
    return (-(-M // ROWS), *rest)


class BitLayer(nn.Module):
    """A Linear, (transposed) convolution or Embedding of learned width.

    Args:
        layer: keeps its own weight and bias.
        weight_bits: quantises the weight; None leaves it float.
        input_bits: quantises the input; None leaves it float, as an embedding's indices must be.
        keep: a gate for each output channel, or each 16x1 block, 0 prunes it (see `gates_of`); None keeps all.
        cost: what one bit more costs here; `penalty` divides by the network's greatest.
        steps: what the gates of 2, 4, 8, 16, 32 bits add to the price, in units of `cost`; None: their bits.
    """

    def __init__(
        self,
        layer: Layer,
        weight_bits: Quantizer | None,
        input_bits: Quantizer | None,
        keep: Gates | None,
        cost: float,
        steps: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.layer, self.weight_bits, self.input_bits, self.keep = layer, weight_bits, input_bits, keep
        self.cost, self.steps = cost, steps

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output; x as the layer's own. A pruned channel is exactly 0, so that it can be cut out."""
        if isinstance(self.layer, nn.Embedding) and x.numel() < self.layer.num_embeddings:
            rows = compute(self.layer, x, self.layer.weight, None)
            return self._gated(rows)[0]  # as after quantising the whole table, of which few rows are read
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
        weight, z = self._gated(weight)
        if z is not None and z.ndim == 1 and bias is not None:
            bias = bias * z  # else the channel would be a constant, not nothing
        return weight, bias

    def _gated(self, weight: Tensor) -> tuple[Tensor, Tensor | None]:
        """The weight, or rows of an embedding's, on the grid and behind the gates z; and z."""
        if self.weight_bits is not None:
            weight = self.weight_bits(weight)
        if self.keep is None:
            return weight, None
        z = self.keep()
        return weight * self._over_weight(z), z

    def _over_weight(self, z: Tensor) -> Tensor:
        """Gates in a shape that broadcasts against the weight."""
        if z.ndim > 1:
            return z.repeat_interleave(ROWS, 0)[: self.layer.weight.shape[0]]
        axis = output_axis(self.layer)
        return z.reshape([-1 if i == axis else 1 for i in range(self.layer.weight.ndim)])

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
        """Bool (M,): which output channels the test-time gates keep; gates over blocks keep all."""
        if self.keep is None or self.keep.phi.ndim > 1:
            return self.layer.weight.new_ones(self.layer.weight.shape[output_axis(self.layer)]).bool()
        return decided(self.keep.phi)

    def alive(self) -> Tensor:
        """Bool, of the weight's shape: which weights the test-time gates keep."""
        if self.keep is None:
            return self.layer.weight.new_ones(self.layer.weight.shape).bool()
        return self._over_weight(decided(self.keep.phi)).expand(self.layer.weight.shape)


def compute(layer: Layer, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A layer's output with another weight and bias in the place of its own."""
    if isinstance(layer, nn.Embedding):
        return F.embedding(x, weight, layer.padding_idx, layer.max_norm, layer.norm_type, layer.scale_grad_by_freq)
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, bias)
    if isinstance(layer, TRANSPOSED):
        call = F.conv_transpose1d if isinstance(layer, nn.ConvTranspose1d) else F.conv_transpose2d
        padding, more = layer.padding, layer.output_padding
        return call(x, weight, bias, layer.stride, padding, more, layer.groups, layer.dilation)  # type: ignore[arg-type]
    return cast(Tensor, layer._conv_forward(x, weight, bias))
