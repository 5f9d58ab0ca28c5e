"""Who teaches: one trained network or several."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from apus.errors import NothingMatchedError


class Teacher:
    """A trained network that only answers: evaluation mode, no gradients.

    Args:
        model: is put into evaluation mode, its parameters no longer ask for gradients.
        bf16: answer in bfloat16, about twice as fast where the CPU has it.
    """

    def __init__(self, model: nn.Module, *, bf16: bool = False) -> None:
        self.model, self.bf16 = model.eval().requires_grad_(False), bf16

    def __call__(self, x: Tensor) -> Tensor:
        """Answer.

        Args:
            x: a batch.

        Returns:
            The teacher's outputs z_t, in float32.

        Raises:
            TypeError: it gives something other than a tensor.
        """
        self.model.eval()  # whoever holds it may have put it into training mode
        own = next((p.dtype for p in self.model.parameters() if p.is_floating_point()), x.dtype)
        with torch.no_grad(), torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            answer = self.model(x.to(own) if x.is_floating_point() else x)
        if not isinstance(answer, Tensor):
            raise TypeError(
                f"the teacher gives a {type(answer).__name__}; wrap it in a module that returns the logits alone"
            )
        return answer.float()


class MeanLogits(nn.Module):
    """Several networks that answer as one, with the mean of their logits: `Teacher(MeanLogits([a, b]))`.

    Args:
        models: at least one, of equal output shapes.

    Raises:
        NothingMatchedError: there is no network.

    Source: Hinton et al. 2015, §2: the geometric mean of their distributions, which is that of the mean logits.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        if not models:
            raise NothingMatchedError("no teacher was given; name at least one")
        self.models = nn.ModuleList(models)

    def forward(self, x: Tensor) -> Tensor:
        """Mean logits, (N, ...), in float32 whatever the networks answer in."""
        return torch.stack([model(x).float() for model in self.models]).mean(0)
