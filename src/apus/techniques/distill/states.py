"""What goes on inside a teacher that reads texts, computed once: its hidden states and attention scores, in memory."""

import math
from pathlib import Path

import torch
from torch import Tensor

from apus.errors import DataError
from apus.techniques.distill.taps import Taps
from apus.techniques.distill.teacher import Teacher

MOST_SHARE = 0.5  # of the free memory


class KeptStates:
    """Outputs and inner states of a teacher for texts that do not change from epoch to epoch.

    The teacher reads the texts once, those of like length together and cut to the longest of them. Its states are kept
    in half precision, each text's without its padding. In the place of `Taps`: `states.at(rows, length)`, then
    `states[name]`.

    Args:
        teacher: who answers.
        names: modules whose outputs are (B, T, width) or (B, heads, T, T).
        inputs: all texts, integer (N, T), filled up with `padding` at their ends; T is the most tokens.
        padding: the token that fills up.
        batch: texts at once, ≥ 1.
        most: bytes that may be kept; None is half of what is free.

    Attributes:
        answers: the teacher's outputs (N, ...), float32.

    Raises:
        DataError: a tapped output is of another shape or beyond half precision, outputs differ in shape, or the states
            do not fit.

    >>> reader = torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.AdaptiveMaxPool2d((1, 2)))
    >>> states = KeptStates(Teacher(reader), ["0"], torch.tensor([[7, 8, 0], [5, 0, 0]]), padding=0)
    >>> states.at(torch.tensor([1]), 3)
    >>> states["0"].shape
    torch.Size([1, 3, 4])
    """

    answers: Tensor

    def __init__(
        self,
        teacher: Teacher,
        names: list[str],
        inputs: Tensor,
        padding: int,
        *,
        batch: int = 256,
        most: int | None = None,
    ) -> None:
        self.names, self.rows, self.length = names, torch.zeros(0, dtype=torch.int64), 0
        self.lengths = _lengths(inputs, padding)
        self.kept: dict[str, list[Tensor]] = {name: [torch.empty(0)] * len(inputs) for name in names}
        room: float = _free() * MOST_SHARE if most is None else most
        answers: dict[int, Tensor] = {}
        device = next(teacher.model.parameters()).device
        with Taps(teacher.model, *names) as taps:
            for rows in self.lengths.argsort(stable=True).split(batch):  # type: ignore[no-untyped-call]
                x = inputs[rows, : int(self.lengths[rows].max())]
                answers |= dict(zip(rows.tolist(), teacher(x.to(device)).cpu(), strict=True))
                found = {name: _checked(name, taps[name].cpu(), x.shape) for name in names}
                if len(answers) == len(rows) and self._bytes(found) > room:
                    raise DataError(f"the teacher's states at {', '.join(names)} do not fit: set cache = false")
                for name, each in found.items():
                    self._keep(name, rows, each)
        if len(shapes := {tuple(answer.shape) for answer in answers.values()}) > 1:
            raise DataError(f"the teacher's outputs differ in shape ({sorted(shapes)[:2]} …): set cache = false")
        self.answers = torch.stack([answers[row] for row in range(len(inputs))])

    def _bytes(self, found: dict[str, Tensor]) -> float:
        """What the states of all texts take, by those of some."""
        tokens = self.lengths.double()
        each = [tokens * h.shape[-1] if h.ndim == 3 else tokens**2 * h.shape[1] for h in found.values()]
        return 2 * float(torch.stack(each).sum())

    def _keep(self, name: str, rows: Tensor, found: Tensor) -> None:
        half = found.half()
        if not half.isfinite().all():
            raise DataError(f"{name} gives numbers above 65,504, beyond half precision: set cache = false")
        for row, each in zip(rows.tolist(), half, strict=True):
            t = int(self.lengths[row])
            self.kept[name][row] = (each[:, :t, :t] if each.ndim == 3 else each[:t]).clone()

    def at(self, rows: Tensor, length: int) -> None:
        """Choose the texts `rows` (B,), cut or filled up to `length` tokens, for what is asked next."""
        self.rows, self.length = rows, length

    def __getitem__(self, name: str) -> Tensor:
        """The chosen texts' states at a module: (B, length, width) or (B, heads, length, length), 0 at padding."""
        chosen = [self.kept[name][row] for row in self.rows.tolist()]
        first, T = chosen[0], self.length
        shape = (first.shape[0], T, T) if first.ndim == 3 else (T, first.shape[1])
        found = torch.zeros(len(chosen), *shape)
        for place, each in zip(found, chosen, strict=True):
            t = min(T, each.shape[-1] if each.ndim == 3 else each.shape[0])
            if each.ndim == 3:
                place[:, :t, :t] = each[:, :t, :t]
            else:
                place[:t] = each[:t]
        return found


def _checked(name: str, found: Tensor, shape: torch.Size) -> Tensor:
    B, T = shape
    hidden, attention = found.ndim == 3 and found.shape[:2] == (B, T), found.ndim == 4 and found.shape[2:] == (T, T)
    if not (hidden or attention):
        raise DataError(
            f"{name} gives {tuple(found.shape)} for {B} texts of {T} tokens, and only (B, T, width) and"
            " (B, heads, T, T) can be kept: set cache = false"
        )
    return found


def _lengths(inputs: Tensor, padding: int) -> Tensor:
    """Tokens of each text without its filling, (N,), at least 1."""
    T = inputs.shape[1]
    return (T - (inputs.flip(1) != padding).int().argmax(1)).clamp(1, T)


def _free() -> float:
    """Bytes of free memory, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return math.inf
