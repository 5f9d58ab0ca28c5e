"""The parts of a recipe that shape the stages that train."""

from dataclasses import dataclass, field
from typing import Any, Literal

from apus.training import TrainOptions

LATER = {"later": True}
"""Of a key that is younger than the first recipes: at its default it shapes nothing, so fingerprints leave it out."""


@dataclass(frozen=True)
class AugmentPart:
    """`[….augment]`: how training images of in-memory sources are varied; see `apus.data.Augment`."""

    shift: int = 0
    flip: bool = False
    erase: int = 0


@dataclass(frozen=True)
class DistilPart:
    """`[….distil]`: how the teacher helps.

    Attributes:
        loss: on the outputs: `soft-targets` (Hinton), `mse` on logits, `dkd`, `dist`, or `none`.
        alpha: the teacher's share of the loss, 0..1; the labels have the rest. At 1 they are not read, and examples
            without any carry -100, which torch's cross entropy leaves out.
        temperature: of soft targets, DKD and DIST.
        target: of DKD: weight of how sure the teacher is of the class.
        others: of DKD: weight of what it knows of the other classes.
        between: of DIST: weight of the relation between classes.
        within: of DIST: weight of the relation within a class.
        hidden: student's layers → teacher's, as name patterns: their outputs are drawn together, added to the loss.
            Fewer layers of the student are spaced over the teacher's; other widths get a learnt projection.
        hidden_loss: `mse` (TinyBERT), or `cosine` of equal widths (DistilBERT).
        hidden_weight: of the mean over these layers.
        attention: the same for layers that give attention scores (N, heads, queries, keys).
        attention_weight: of their mean.
        padding: token of integer inputs (N, T) whose places do not count in `hidden` and `attention`, nor in outputs of
            one for each place; -1 is none. Inputs of floats have none.
        cache: ask the teacher once about all examples, which are in memory and not varied, and keep its answers on
            disk; of texts also what `hidden` and `attention` read, in memory in half precision.
        class_dim: dimension of the classes in outputs of more than two: 1 as torch's cross entropy has them,
            (N, classes, H, W), or -1 for (N, T, classes).
        feature_dim: dimension of the features in hidden states; 0 takes 1 of feature maps (N, C, H, W), else the last,
            so of (N, C, L) it must be 1.
    """

    loss: Literal["soft-targets", "mse", "none", "dkd", "dist"] = "soft-targets"
    alpha: float = 0.9
    temperature: float = 4.0
    target: float = field(default=1.0, metadata=LATER)
    others: float = field(default=8.0, metadata=LATER)
    between: float = field(default=1.0, metadata=LATER)
    within: float = field(default=1.0, metadata=LATER)
    hidden: dict[str, str] = field(default_factory=dict, metadata=LATER)
    hidden_loss: Literal["mse", "cosine"] = field(default="mse", metadata=LATER)
    hidden_weight: float = field(default=1.0, metadata=LATER)
    attention: dict[str, str] = field(default_factory=dict, metadata=LATER)
    attention_weight: float = field(default=1.0, metadata=LATER)
    padding: int = field(default=-1, metadata=LATER)
    cache: bool = field(default=False, metadata=LATER)
    class_dim: int = field(default=1, metadata=LATER)
    feature_dim: int = field(default=0, metadata=LATER)


@dataclass(frozen=True)
class TeacherPart:
    """`[teacher]`: the large network.

    Attributes:
        model: `pkg.module:callable` that returns an `nn.Module`.
        arguments: keyword arguments of the callable.
        weights: a `.safetensors` file of a trained teacher, which then is not trained; empty trains one.
        train: how it is trained.
        augment: of its images.
        count: networks that teach together, each trained from its own seed; they answer with their mean logits.
    """

    model: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    weights: str = ""
    train: TrainOptions = field(default_factory=TrainOptions)
    augment: AugmentPart = AugmentPart()
    count: int = field(default=1, metadata=LATER)


@dataclass(frozen=True)
class StudentPart:
    """`[student]`: the small network; its keys are those of `[teacher]`, with the teacher's help.

    Attributes:
        model: `pkg.module:callable` that returns an `nn.Module`.
        arguments: keyword arguments of the callable.
        distil: the teacher's help.
        train: how it is trained.
        augment: of its images.
        initialise: student's modules → teacher's, as name patterns, whose weights it starts from; fewer are spaced.
    """

    model: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    distil: DistilPart = field(default_factory=DistilPart)
    train: TrainOptions = field(default_factory=TrainOptions)
    augment: AugmentPart = AugmentPart()
    initialise: dict[str, str] = field(default_factory=dict, metadata=LATER)


@dataclass(frozen=True)
class PrunePart:
    """`[prune]`: from dense to sparse, on a cubic schedule.

    Attributes:
        enabled: false goes on with the dense student.
        structure: `16x1` or `16x4` blocks, which the engine skips, or `unstructured` single weights.
        sparsity: share of zero weights at the end, 0..1.
        begin: share of the steps before the first weight goes.
        end: share of the steps after which the sparsity is final.
        every: steps between two choices of what lives.
        skip: name patterns of layers that stay dense.
        levels: name pattern → sparsity of these layers, relative to `sparsity`.
        distil: the teacher's help.
        train: how long and how fast.
        augment: of the images.
        method: `magnitude` prunes gradually; `rigl` is sparse from the first step and exchanges blocks until `end`;
            `one-shot` prunes once, corrects what is left by least squares on `calibrate` batches, and trains nothing.
        target: `layer` makes every layer equally sparse, `global` ranks the blocks of all together.
        balance: keep equally many blocks in each of 8 partitions of a layer.
        gates: name pattern → sparsities of the equal shares of rows that such a layer stacks, relative to `sparsity`.
        exchange: of RigL: share of living blocks that move at the first exchange, 0..1.
        calibrate: of one-shot: batches.
    """

    enabled: bool = True
    structure: Literal["16x1", "unstructured", "16x4"] = "16x1"
    sparsity: float = 0.8
    begin: float = 0.0
    end: float = 0.6
    every: int = 20
    skip: list[str] = field(default_factory=list)
    levels: dict[str, float] = field(default_factory=dict)
    distil: DistilPart = field(default_factory=DistilPart)
    train: TrainOptions = field(default_factory=TrainOptions)
    augment: AugmentPart = AugmentPart()
    method: Literal["magnitude", "rigl", "one-shot"] = field(default="magnitude", metadata=LATER)
    target: Literal["layer", "global"] = field(default="layer", metadata=LATER)
    balance: bool = field(default=False, metadata=LATER)
    gates: dict[str, list[float]] = field(default_factory=dict, metadata=LATER)
    exchange: float = field(default=0.3, metadata=LATER)
    calibrate: int = field(default=16, metadata=LATER)


@dataclass(frozen=True)
class QuantizePart:
    """`[quantize]`: from float to integer, by training with fake quantisation.

    Attributes:
        enabled: false exports float32.
        weight_bits: 2..8, per output channel.
        activation_bits: 2..8, per tensor.
        skip: name patterns of layers that stay float.
        calibrate: batches that set the first ranges.
        freeze: share of the steps after which ranges no longer move.
        distil: the teacher's help. With `hidden` or `attention` each layer keeps a quantiser of its own, as its modules
            must stay where they are; what lies between layers is then float. A convolution's output includes its folded
            normalisation, so draw it to that of the teacher's normalisation.
        train: how long and how fast.
        augment: of the images.
        embeddings: tables of embeddings too, per row, to `weight_bits`.
    """

    enabled: bool = True
    weight_bits: int = 8
    activation_bits: int = 8
    skip: list[str] = field(default_factory=list)
    calibrate: int = 16
    freeze: float = 0.5
    distil: DistilPart = field(default_factory=DistilPart)
    train: TrainOptions = field(default_factory=TrainOptions)
    augment: AugmentPart = AugmentPart()
    embeddings: bool = field(default=False, metadata=LATER)


def _adam() -> TrainOptions:
    return TrainOptions(optimizer="adamw", learning_rate=1e-3, weight_decay=0.0, schedule="linear", warmup=0.0)


@dataclass(frozen=True)
class BitsPart:
    """`[bits]`: Bayesian Bits in the place of `[quantize]`: each tensor learns its width, and what to prune.

    Attributes:
        enabled: true needs `[quantize] enabled = false`.
        mu: what a bit costs in the loss; the paper has 0.01 to 0.2.
        cost: what a layer's bits are weighed by: `bops`, its bit operations, or `latency`, the µs that the engine
            takes for it at each width, measured here before the first step.
        weight_bits: 0 learns them; 2, 4, 8, 16 or 32 for all.
        activation_bits: the same for the layers' inputs.
        start_bits: of learned widths.
        per_channel: a range for each output channel of a weight.
        prune: `channels` that are cut out, `16x1` blocks that the engine skips, or `none`.
        start: φ of the gates that prune, at first: 6 is 99.95 % open.
        skip: name patterns of layers that stay float and whole.
        unpruned: name patterns of layers that keep all outputs; empty is the one that runs last.
        freeze: share of the steps after which the gates are decided, and training goes on at fixed widths.
        rate: learning rate of gates, from first step to last, and of ranges, at the peak of the schedule.
        distil: the teacher's help.
        train: how long and how fast; the optimiser is `adamw`.
        augment: of the images.
        open: φ of the gates of widths up to `start_bits`, at first: 6 is 99.95 % open; 2 is 97 %, and moves sooner.
        prices: name pattern → what a bit costs there, in the place of `cost`; the first match counts, no match is free.
        curves: name patterns of GELU, SiLU and other curves whose input gets 8 bits: the engine looks them up then.
    """

    enabled: bool = False
    mu: float = 0.03
    cost: Literal["bops", "latency"] = "bops"
    weight_bits: int = 0
    activation_bits: int = 0
    start_bits: int = 8
    per_channel: bool = False
    prune: Literal["channels", "16x1", "none"] = "channels"
    start: float = 6.0
    skip: list[str] = field(default_factory=list)
    unpruned: list[str] = field(default_factory=list)
    freeze: float = 0.75
    rate: float = 1e-3
    distil: DistilPart = field(default_factory=DistilPart)
    train: TrainOptions = field(default_factory=_adam)
    augment: AugmentPart = AugmentPart()
    open: float = field(default=6.0, metadata=LATER)
    prices: dict[str, float] = field(default_factory=dict, metadata=LATER)
    curves: list[str] = field(default_factory=list, metadata=LATER)
