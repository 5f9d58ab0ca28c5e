"""A teacher's answers on disk, for data that does not change from epoch to epoch: computed once, checked ever after."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from apus._files import write_atomically
from apus.errors import DataError
from apus.techniques.distill.teacher import Teacher

NAME = "outputs"
SAVE_SECONDS = 60.0


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and bytes of tensors, whatever device they are on.

    >>> digest({"a": torch.zeros(2)}) == digest({"a": torch.zeros(2)}) != digest({"a": torch.zeros(1, 2)})
    True
    """
    total = hashlib.sha256()
    for name, tensor in tensors.items():
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        total.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def cached_outputs(path: Path, teacher: Teacher, inputs: Tensor, batch: int = 256, mark: str = "") -> Tensor:
    """The teacher's outputs for all inputs, from the file if it holds those of this teacher for these inputs.

    The fingerprint covers the teacher's structure as printed, weights, buffers and precision, and every input; a file
    with another one is computed anew and replaced. It does not see the code of the teacher's `forward`: see `mark`.
    What is computed stands meanwhile in PATH.part, saved every minute, so that a run that is killed goes on from there.

    Args:
        path: a `.safetensors` file, made if it is not there.
        teacher: who answers.
        inputs: all examples in order, (N, ...), as the student will see them: not augmented.
        batch: examples at once, ≥ 1.
        mark: whatever else shapes the answers, such as a version of the teacher's code.

    Returns:
        (N, ...), row i for inputs[i].

    Raises:
        DataError: the file is damaged.
    """
    inside = {f"model.{name}": t for name, t in (*teacher.model.named_parameters(), *teacher.model.named_buffers())}
    text = f"{teacher.model} bf16={teacher.bf16} {mark}"
    mark = digest({text: torch.empty(0), "inputs": inputs} | inside)
    if path.exists() and (found := _read(path, mark)) is not None:
        return found
    part = path.with_name(path.name + ".part")
    answers = _asked(part, teacher, inputs, batch, mark)
    _write(path, answers, mark)
    part.unlink(missing_ok=True)
    return answers


def _asked(part: Path, teacher: Teacher, inputs: Tensor, batch: int, mark: str) -> Tensor:
    """All answers, those in `part` without asking again; batches begin where they would have."""
    known = _read(part, mark) if part.exists() else None
    answers = [] if known is None else [known]
    begin, saved = len(answers[0]) if answers else 0, monotonic()
    for at in range(begin - begin % batch, max(1, len(inputs)), batch):
        found = teacher(inputs[at : at + batch]).cpu()
        answers.append(found[max(0, begin - at) :])
        if monotonic() - saved > SAVE_SECONDS:
            _write(part, torch.cat(answers), mark)
            saved = monotonic()
    return torch.cat(answers)


def _write(path: Path, answers: Tensor, mark: str) -> None:
    facts = {"fingerprint": mark, "content": digest({NAME: answers})}
    write_atomically(path, safetensors.torch.save({NAME: answers.contiguous()}, facts))


def _read(path: Path, mark: str) -> Tensor | None:
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
            if facts.get("fingerprint") != mark:
                return None
            answers: Tensor = file.get_tensor(NAME)
    except SafetensorError as error:
        raise DataError(f"{path}: damaged teacher outputs ({error}); delete it to compute them again") from None
    if digest({NAME: answers}) != facts.get("content"):
        raise DataError(f"{path}: damaged teacher outputs (checksum differs); delete it to compute them again")
    return answers
