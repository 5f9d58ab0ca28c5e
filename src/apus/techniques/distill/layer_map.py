"""Which layer of the student learns from, and starts as, which of its teacher.

Source: Sanh et al., "DistilBERT", 2019, arXiv:1910.01108, §3 (the student starts from the teacher's layers);
Li et al., "DQ-BART", 2022, arXiv:2203.11239 (which ones: spaced, the last always among them).
"""

from collections.abc import Mapping

import torch
from torch import nn

from apus.errors import NothingMatchedError
from apus.techniques.distill.taps import matching


def spaced(student: int, teacher: int) -> list[int]:
    """Layers of the teacher for a student of fewer: from first to last at equal distances; of one layer, the last.

    Args:
        student: its layers, 1..teacher.
        teacher: its layers.

    Returns:
        Indices from 0, rising.

    Raises:
        ValueError: the student has no layer, or more than its teacher.

    >>> spaced(3, 6), spaced(1, 6), spaced(6, 12)
    ([0, 2, 5], [5], [0, 2, 4, 7, 9, 11])
    """
    if not 1 <= student <= teacher:
        raise ValueError(f"a student of {student} layers cannot be spaced over {teacher}; it needs 1..{teacher}")
    return [round(i * (teacher - 1) / (student - 1)) for i in range(student)] if student > 1 else [teacher - 1]


def map_layers(student: nn.Module, teacher: nn.Module, pattern: str, teacher_pattern: str = "") -> dict[str, str]:
    """Map the student's layers to spaced ones of the teacher, by name.

    Args:
        student: the small network.
        teacher: the large one.
        pattern: of the student's layers, as `blocks.*`.
        teacher_pattern: of the teacher's; empty means the same.

    Returns:
        Student's name → teacher's name.

    Raises:
        NothingMatchedError: a pattern matches nothing.
        ValueError: the student has more layers than the teacher.
    """
    own, others = matching(student, pattern), matching(teacher, teacher_pattern or pattern)
    return {name: others[i] for name, i in zip(own, spaced(len(own), len(others)), strict=True)}


@torch.no_grad()
def initialise(student: nn.Module, teacher: nn.Module, mapping: Mapping[str, str]) -> list[str]:
    """Copy parameters and buffers of the teacher's modules into the student's; all fit, or none is touched.

    Args:
        student: is changed in place.
        teacher: the trained network.
        mapping: student's module → teacher's, as from `map_layers`, with embeddings or heads added as wanted.

    Returns:
        Names of the student's tensors that were set.

    Raises:
        NothingMatchedError: the mapping is empty, names a module that is not there, or one without tensors.
        ValueError: a tensor is missing on one side or has another shape.
    """
    copies: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for own, other in mapping.items():
        mine, theirs = _tensors(student, own, "student"), _tensors(teacher, other, "teacher")
        if lone := sorted(mine.keys() ^ theirs.keys()):
            raise ValueError(f"student's {own!r} and teacher's {other!r} differ in {', '.join(lone)}")
        for name, tensor in mine.items():
            if tensor.shape != theirs[name].shape:
                shapes = f"{tuple(tensor.shape)} and {tuple(theirs[name].shape)}"
                raise ValueError(
                    f"{own}.{name}: shapes {shapes} of student and teacher differ; leave it out of the map"
                )
            copies[f"{own}.{name}"] = (tensor, theirs[name])
    if not copies:
        raise NothingMatchedError("the layer map is empty, so nothing of the teacher would be copied")
    for tensor, source in copies.values():
        tensor.copy_(source)
    return list(copies)


def _tensors(model: nn.Module, name: str, whose: str) -> dict[str, torch.Tensor]:
    modules = dict(model.named_modules())
    if name not in modules:
        raise NothingMatchedError(f"the {whose} has no module {name!r}; there are {', '.join(filter(None, modules))}")
    tensors: dict[str, torch.Tensor] = modules[name].state_dict()
    if not tensors:
        raise NothingMatchedError(f"the {whose}'s module {name!r} has no weights to copy")
    return tensors
