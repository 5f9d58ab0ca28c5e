"""A quantiser that is a sum of residuals, each on a grid twice as many bits wide, each behind a gate.

Source: van Baalen et al., "Bayesian Bits: Unifying Quantization and Pruning", 2020, arXiv:2005.07093, §2.
Range: Choi et al., "PACT", 2018, arXiv:1805.06085, Eq. (1).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from apus.techniques.bayesian_bits.gates import Gates, decided, probability
from apus.techniques.bayesian_bits.grids import WIDTHS, NestedGrids, scale

SMALLEST = 1e-8  # a range of 0 has no grid


def forced(bits: int) -> tuple[float, ...]:
    """Locations of the gates z4, z8, z16, z32 that hold a quantiser at one width.

    Args:
        bits: one of `WIDTHS`.

    Returns:
        +∞ for each width up to `bits`, -∞ beyond.

    Raises:
        ValueError: there is no such width.

    >>> forced(8)
    (inf, inf, -inf, -inf)
    """
    if bits not in WIDTHS:
        raise ValueError(f"{bits} bits: the residuals have {', '.join(map(str, WIDTHS))}")
    return tuple(math.inf if width <= bits else -math.inf for width in WIDTHS[1:])


def straight_round(x: Tensor) -> Tensor:
    """Round to the nearest integer, any shape; the gradient is that of x."""
    return x + (torch.round(x) - x).detach()


class Quantizer(nn.Module):
    """x ≈ x2 + z4 (ε4 + z8 (ε8 + z16 (ε16 + z32 ε32))), on grids over a learned range.

    Args:
        example: sets the first range: the greatest |x|; and the sign: whether there are negative numbers.
        start: φ of the gates z4, z8, z16, z32.
        learn: whether the gates move.
        per_channel: the axis that has a range per index; None is one range for the tensor.

    Attributes:
        beta: the range's end β, > 0; a scalar, or of the shape that broadcasts along the channels.
        signed: whether the range is (-β, β), else (0, β).
        gates: z4, z8, z16, z32.
    """

    beta: nn.Parameter
    signed: Tensor
    gates: Gates

    def __init__(
        self, example: Tensor, start: Sequence[float], *, learn: bool = True, per_channel: int | None = None
    ) -> None:
        super().__init__()
        x = example.detach().float()
        others = [axis for axis in range(x.ndim) if axis != per_channel]
        greatest = x.abs().max() if per_channel is None else x.abs().amax(others, keepdim=True)
        self.beta = nn.Parameter(greatest.clamp_min(SMALLEST))
        self.register_buffer("signed", x.min() < 0)
        self.gates = Gates(torch.tensor(start), learn)

    def range(self) -> tuple[Tensor, Tensor]:
        """Ends α and β of the range: α = -β if there are negative numbers, else 0."""
        beta = self.beta.abs().clamp_min(SMALLEST)  # an optimiser may step across 0
        return -beta * self.signed, beta

    def forward(self, x: Tensor) -> Tensor:
        """Numbers on the grid that the gates choose; the gradient reaches x, β by clip and by scale, and φ.

        Args:
            x: any shape.

        Returns:
            Of the same shape.

        Source: §2, "x_q = x_2 + z_4(ε_4 + z_8(ε_8 + z_16(ε_16 + z_32 ε_32)))".
        """
        y: Tensor = NestedGrids.apply(x, self.range()[1], bool(self.signed), self.gates())  # type: ignore[no-untyped-call]
        return y

    def step(self) -> Tensor:
        """The grid's step s_b at the width that the test-time gates leave, of β's shape."""
        return scale(self.range()[1], bool(self.signed), self.bits())

    def bits(self) -> int:
        """The width that the test-time gates leave: 2, 4, 8, 16 or 32."""
        on = decided(self.gates.phi).int().cumprod(0).sum()
        return WIDTHS[int(on)]

    def expected_bits(self, kept: Tensor | float = 1.0, steps: Sequence[float] | None = None) -> Tensor:
        """Σ_b b · Π_{j≤b} q(z_j > 0) over b = 2, 4, 8, 16, 32: the prior's price of this tensor for each MAC.

        Args:
            kept: q(z2 > 0), the mean chance of an output channel to stay; 1 where nothing is pruned.
            steps: in the place of each b, what else that gate adds: the µs that an engine takes more.

        Returns:
            A scalar ≥ 0, at most 62 in bits.

        Source: §2, the regulariser, and the official code's b · MACs weighting.
        """
        q = torch.cat([self.gates.phi.new_ones(1), probability(self.gates.phi).cumprod(0)])
        price: Tensor = kept * (q * q.new_tensor(WIDTHS if steps is None else steps)).sum()
        return price
