"""Curves between layers whose input has 8 bits, so that an engine looks them up in a table of 256 values.

With a float input an accurate GELU takes a CPU as long as a small layer, and its layer's integers must become floats.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from apus.techniques.bayesian_bits.quantizer import Quantizer, forced

CURVES = (nn.GELU, nn.SiLU, nn.Mish, nn.ELU, nn.SELU, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.Hardswish)


class BitCurve(nn.Module):
    """A curve behind a quantiser of 8 bits and a learned range.

    Args:
        curve: element by element.
        input_bits: quantises what it gets.
    """

    def __init__(self, curve: nn.Module, input_bits: Quantizer) -> None:
        super().__init__()
        self.curve, self.input_bits = curve, input_bits

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        found: Tensor = self.curve(self.input_bits(x))
        return found


def curves_of(model: nn.Module) -> dict[str, nn.Module]:
    """The curves of a network by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, CURVES)}


def quantise_curves(model: nn.Module, example: Tensor, chosen: Sequence[str]) -> None:
    """Put quantisers before curves.

    Args:
        model: changed in place.
        example: one input batch (B, ...); sets the first ranges.
        chosen: names of curves; those that do not run stay as they are.
    """
    seen: dict[str, Tensor] = {}

    def note(name: str, x: Tensor) -> None:
        ends = torch.stack([x.min(), x.max()]).detach()  # all that a range needs
        seen[name] = torch.cat([seen[name], ends]) if name in seen else ends

    hooks = [
        model.get_submodule(name).register_forward_pre_hook(lambda _, x, name=name: note(name, x[0])) for name in chosen
    ]
    was_training = model.training
    with torch.no_grad():
        model.eval()(example)
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    for name, ends in seen.items():
        parent, _, leaf = name.rpartition(".")
        quantizer = Quantizer(ends, forced(8), learn=False)
        setattr(model.get_submodule(parent), leaf, BitCurve(model.get_submodule(name), quantizer))
