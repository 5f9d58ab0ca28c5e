"""A recipe: everything that shapes one run of the road, in typed dataclasses that read from TOML one to one."""

from dataclasses import dataclass, field
from typing import Any

from apus.compress.recipe_stages import BitsPart, PrunePart, QuantizePart, StudentPart, TeacherPart


@dataclass(frozen=True)
class DataPart:
    """`[data]`: where examples come from.

    Attributes:
        source: `fashion-mnist`, `mnist`, `digits`, a folder of images, or `pkg.module:callable` that returns
            (train, valid) or (train, valid, test), each a pair of arrays (x, y) or a DataLoader of (x, y).
        valid: examples held out of train; 0 means a tenth.
        limit: most examples of each split, for trials; 0 means all.
        size: of folders: side in pixels; 0 means the first image's.
        gray: of folders: one channel instead of three.
        echo: how often each example is used when it was read, ≥ 1 and in fractions, with new augmentation each time
            (a loader's batches: as they are); 0 measures and takes what costs no time, at most 4.
        arguments: keyword arguments of the callable.
    """

    source: str = "fashion-mnist"
    valid: int = 0
    limit: int = 0
    size: int = 0
    gray: bool = False
    echo: float = 1.0
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LossPart:
    """`[loss]`: what a network's outputs are judged by.

    Attributes:
        function: `cross-entropy`, or `pkg.module:callable` of (outputs, targets) that returns a scalar.
    """

    function: str = "cross-entropy"


@dataclass(frozen=True)
class VerifyPart:
    """`[verify]`: bounds between the engine, ONNX Runtime and torch on the whole test split.

    Attributes:
        agreement: least share of equal classes between the engine and each of the others, in percent.
        steps: largest difference of an output between the engine and ONNX Runtime, in steps: a step is 1/255 of
            the range of ONNX Runtime's outputs.
        torch_steps: and between the engine and torch's simulation, whose float sums may round another way.
    """

    agreement: float = 99.5
    steps: float = 4.0
    torch_steps: float = 16.0


@dataclass(frozen=True)
class MeasurePart:
    """`[measure]`: latency on this machine.

    Attributes:
        batches: batch sizes.
        threads: thread counts; those above the machine's cores are left out.
        seconds: timed per contender and setting.
    """

    batches: list[int] = field(default_factory=lambda: [1, 16])
    threads: list[int] = field(default_factory=lambda: [1, 2])
    seconds: float = 1.5


@dataclass(frozen=True)
class Recipe:
    """The whole road.

    Attributes:
        name: of the run; its folder is `runs/<name>`.
        seed: of every random number.
        threads: of training; part of the recipe because float sums, so the weights, depend on it.
        data: the examples.
        loss: what is learnt.
        teacher: the large network.
        student: the small one.
        prune: blocks of weights away.
        quantize: floats away.
        bits: floats away by learned widths.
        verify: is it still the same network?
        measure: how fast is it?
        search: what `apus search` tries; see `apus.compress.search`. The road itself does not read it.
    """

    name: str = "run"
    seed: int = 0
    threads: int = 2
    data: DataPart = DataPart()
    loss: LossPart = LossPart()
    teacher: TeacherPart = field(default_factory=TeacherPart)
    student: StudentPart = field(default_factory=StudentPart)
    prune: PrunePart = field(default_factory=PrunePart)
    quantize: QuantizePart = field(default_factory=QuantizePart)
    bits: BitsPart = field(default_factory=BitsPart)
    verify: VerifyPart = VerifyPart()
    measure: MeasurePart = MeasurePart()
    search: dict[str, Any] = field(default_factory=dict)
