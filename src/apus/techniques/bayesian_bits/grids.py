"""The sum of gated residuals, rearranged so that a grid costs nothing unless a gate makes it matter.

With x_b the number rounded on the grid of b bits, the residuals are ε_b = x_b - x_{b/2}, since each grid holds the
one before. The paper's x2 + z4 (ε4 + z8 (ε8 + ...)) then is Σ_b c_b x_b with c_b = Z_b - Z_{2b} and Z_b = Π_{j≤b} z_j.
A drawn gate is mostly 0 or 1, so that mostly one c_b is not 0, and one rounding is all.

Source: van Baalen et al. 2020, arXiv:2005.07093, §2; straight-through rounding: Bengio et al. 2013, arXiv:1308.3432.
"""

from typing import Any, cast

import torch
from torch import Tensor

WIDTHS = (2, 4, 8, 16, 32)
INSIDE = 1 - 1e-6  # the upper end rounds down to the last level; the lower end of a signed range is a tie, to the first


def scale(high: Tensor, signed: bool, bits: int) -> Tensor:
    """A grid's step s_b = (β - α) / (2^b - 1), which is s_{b/2} / (2^{b/2} + 1); α = -β if signed, else 0.

    Args:
        high: β > 0, any shape.
        signed: whether the range is (-β, β), else (0, β).
        bits: b.

    Returns:
        Of the same shape.

    >>> scale(torch.tensor(3.0), False, 2)
    tensor(1.)
    """
    step: Tensor = high * (2 if signed else 1) / (2**bits - 1)
    return step


def codes(x: Tensor, step: Tensor | float, signed: bool, bits: int) -> Tensor:
    """Integers of a grid, -2^{b-1}..2^{b-1} - 1 if signed, else 0..2^b - 1; what QuantizeLinear of ONNX computes.

    Args:
        x: any shape.
        step: `scale`, a number or what broadcasts against x.
        signed: whether negative numbers have levels.
        bits: b.

    Returns:
        Of x's shape and type.
    """
    half = (2**bits - 1) / 2
    return (x / step).clamp_(-half if signed else 0, (half if signed else 2 * half) * INSIDE).round_()


class NestedGrids(torch.autograd.Function):
    """Σ_b c_b x_b over the grids that count; rounding passes the gradient straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, high: Tensor, signed: bool, z: Tensor) -> Tensor:
        gates = z.tolist()
        open_to = torch.cumprod(torch.tensor([1.0, *gates, 0.0], dtype=torch.float64), 0).tolist()
        ctx.shares = {j: open_to[j] - open_to[j + 1] for j in range(len(WIDTHS)) if open_to[j] != open_to[j + 1]}
        ctx.gates, ctx.open_to, ctx.signed = gates, open_to, signed
        grids = []
        for j in ctx.shares:
            step = _number(scale(high, signed, WIDTHS[j]))
            grids.append(codes(x, step, signed, WIDTHS[j]).mul_(step))
        total = sum(c * g for c, g in zip(ctx.shares.values(), grids, strict=True)) if len(grids) > 1 else grids[0]
        y = cast(Tensor, total)
        ctx.save_for_backward(x, y, high, *(grids if len(grids) > 1 else []))
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, Tensor | None]:
        x, y, high, *grids = ctx.saved_tensors
        by_x, by_high = _inside(gradient, x, high, ctx.signed), None
        if ctx.needs_input_grad[1]:
            # y is homogeneous in (x, β): β ∂y/∂β + x ∂y/∂x = y, which holds the way by clip and that by scale.
            rest = y - _inside(x, x, high, ctx.signed)
            by_high = _total(gradient, rest, high) / high
        return by_x, by_high, None, _by_gates(ctx, gradient, grids, high) if ctx.needs_input_grad[3] else None


def _by_gates(ctx: Any, gradient: Tensor, grids: list[Tensor], like: Tensor) -> Tensor:
    """∂/∂z_i = (Σ_{b≥i} c_b x_b - Z_i x_{i/2}) / z_i for gates between 0 and 1; a clamped gate has no gradient."""
    along = {j: _total(gradient, grid, like).sum().item() for j, grid in zip(ctx.shares, grids, strict=False)}
    found = [0.0] * len(ctx.gates)
    for i, z in enumerate(ctx.gates, 1):
        if 0 < z < 1 and ctx.open_to[i] > 0:
            deeper = sum(share * along[j] for j, share in ctx.shares.items() if j >= i)
            found[i - 1] = (deeper - ctx.open_to[i] * along[i - 1]) / z
    return gradient.new_tensor(found)


def _number(x: Tensor) -> Tensor | float:
    """A scalar as a number, which torch's element-wise loops take faster than a tensor."""
    return x if x.ndim else x.item()


def _inside(values: Tensor, x: Tensor, high: Tensor, signed: bool) -> Tensor:
    """The values where x lies within the range, 0 elsewhere."""
    if high.ndim == 0:
        end = high.item()
        kept: Tensor = torch.ops.aten.hardtanh_backward(values, x, -end if signed else 0.0, end)  # one pass, not four
        return kept
    return values * ((x > (-high if signed else 0)) & (x < high))


def _total(a: Tensor, b: Tensor, like: Tensor) -> Tensor:
    """Σ a b for each range."""
    return torch.dot(a.reshape(-1), b.reshape(-1)) if like.ndim == 0 else (a * b).sum_to_size(like.shape)
