"""The four places where techniques enter the loop, and what a run is scored on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn import functional as F

from apus.data import Batches
from apus.training.evaluate import Loss
from apus.training.options import Group

LossTerm = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Outputs z, targets y and inputs x of a batch → a scalar to minimise."""


def cross_entropy(z: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The plain loss: how surprised the network is by the class."""
    return F.cross_entropy(z, y)


@dataclass(frozen=True)
class Plugs:
    """Where techniques enter the loop.

    Attributes:
        batches: Batches → Batches, once, before the first step; the result must again resume at any position.
        loss: of a batch.
        penalty: of the network's own state, added to the loss.
        after_step: called with steps done (1..steps) and steps, after the optimiser.
        apart: network → groups of parameters for AdamW to move at a `peak` rate of their own, without decay; if
            `steady`, from the first step to the last.
    """

    batches: Callable[[Batches], Batches] = lambda batches: batches
    loss: LossTerm = cross_entropy
    penalty: Callable[[nn.Module], Tensor] | None = None
    after_step: Callable[[int, int], None] | None = None
    apart: Callable[[nn.Module], Sequence[Group]] | None = None


PLAIN = Plugs()
"""Nothing plugged in: cross entropy alone."""


class Stateful(Protocol):
    """A technique's state beside the network's own, kept in the checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers, text, lists and dictionaries of them."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` returned."""


@dataclass(frozen=True)
class Validation:
    """What to score each epoch on, and by which loss."""

    batches: Batches
    loss: Loss = F.cross_entropy
