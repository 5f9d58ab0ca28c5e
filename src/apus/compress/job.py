"""One run of the road: its recipe, folder, networks and data, and which network each stage leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from apus.compress.folder import RunFolder
from apus.compress.recipe import Recipe
from apus.compress.recipe_stages import BitsPart
from apus.compress.sources import Sources, Splits, evaluation_batches
from apus.techniques import bayesian_bits as bb
from apus.techniques import distill, quantize
from apus.training import here
from apus.training.checkpoint import seed_all

if TYPE_CHECKING:
    from apus.training.devices import Runtime

ORDER = ("teacher", "student", "prune", "quantize", "bits")


@dataclass
class Job:
    """All that a stage can ask for."""

    recipe: Recipe
    folder: RunFolder
    sources: Sources
    splits: Splits
    runtime: "Runtime" = field(default_factory=here)

    def __post_init__(self) -> None:
        self.example = next(iter(evaluation_batches(self.splits.valid).epoch(0)))[0]

    def made(self, which: str) -> nn.Module:
        """A new network with the weights that the seed gives it."""
        seed_all(self.recipe.seed + ORDER.index(which))
        if which != "teacher":
            return self.sources.student()
        count = self.recipe.teacher.count
        return (
            self.sources.teacher() if count == 1 else distill.MeanLogits([self.sources.teacher() for _ in range(count)])
        )

    def trained(self, stage: str) -> nn.Module:
        """The network as a finished stage left it, in evaluation mode."""
        if stage in ("quantize", "bits"):
            float_one = self.trained(before_quantize(self.recipe))
            ready = self.prepared(float_one) if stage == "quantize" else self.with_bits(float_one)
            return self.folder.read_weights(stage, ready).eval()
        model = self.made("teacher" if stage == "teacher" else "student")
        return self.folder.read_weights(stage, model).eval()

    def prepared(self, model: nn.Module) -> nn.Module:
        """A float network with fake quantisation put in."""
        part = self.recipe.quantize
        bits = {"weight_bits": part.weight_bits, "activation_bits": part.activation_bits}
        tapped = bool(part.distil.hidden or part.distil.attention)  # a traced network has no inner modules to tap
        return quantize.prepare(
            model, self.example, skip=part.skip, embeddings=part.embeddings, trace=not tapped, **bits
        )

    def with_bits(self, model: nn.Module, costs: Mapping[str, float | Sequence[float]] | None = None) -> nn.Module:
        """A float network with the quantisers and gates of Bayesian Bits put in."""
        part = self.recipe.bits
        ready = quantize.fold_batch_norms(model, self.example)
        return bb.prepare(
            ready,
            self.example,
            weights=_widths(part, part.weight_bits, part.per_channel),
            inputs=_widths(part, part.activation_bits, False),
            prune=None if part.prune == "none" else part.start,
            blocks=part.prune == "16x1",
            skip=part.skip,
            unpruned=part.unpruned or None,
            costs=costs,
            curves=part.curves,
        )

    def teacher(self) -> distill.Teacher:
        """The trained teacher, answering."""
        model = self.runtime.place(self.trained("teacher"))
        if self.runtime.device.type in ("cpu", "cuda") and any(p.ndim == 4 for p in model.parameters()):
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return distill.Teacher(model, bf16=self.recipe.teacher.train.bf16 and self.runtime.gains_by_bf16)


def before_quantize(recipe: Recipe) -> str:
    """The last stage that leaves a float student."""
    return "prune" if recipe.prune.enabled else "student"


def last_trained(recipe: Recipe) -> str:
    """The stage whose network is exported as the student."""
    if recipe.bits.enabled:
        return "bits"
    return "quantize" if recipe.quantize.enabled else before_quantize(recipe)


def _widths(part: BitsPart, bits: int, per_channel: bool) -> bb.Widths:
    """Learned from `start_bits` if `bits` is 0, else held there."""
    if bits:
        return bb.fixed(bits, per_channel=per_channel)
    return bb.Widths(
        tuple(part.open if width <= part.start_bits else -6.0 for width in bb.WIDTHS[1:]), per_channel=per_channel
    )
