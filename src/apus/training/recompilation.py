"""The recompilation budget: none after warm-up, or a warning (or an error) that names the batch to blame."""

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor
from torch.utils import _pytree as pytree

from apus.errors import ApusError

Signature = tuple[str, ...]
Action = Literal["warn", "error", "ignore"]


class RecompilationWarning(UserWarning):
    """Something was compiled again after warm-up."""


class RecompilationError(ApusError):
    """Something was compiled again after warm-up, and the budget is strict."""


def signature(batch: Any) -> Signature:
    """Shapes and types of a batch, and the plain values in it: what a compiled program depends on.

    Args:
        batch: any nest of tensors and plain values.

    Returns:
        One entry a leaf.

    >>> import torch
    >>> signature((torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64), 4))
    ('float32[2,3]', 'int64[2]', '4')
    """
    return tuple(_describe(leaf) for leaf in pytree.tree_leaves(batch))


def _describe(leaf: Any) -> str:
    if not isinstance(leaf, Tensor):
        return repr(leaf)
    return f"{str(leaf.dtype).removeprefix('torch.')}[{','.join(map(str, leaf.shape))}]"


class Budget:
    """Watches the count of compilations, and blames the batch after which it grew.

    Args:
        count: programs compiled so far in the process.
        warmup: steps that each source of batches may spend compiling, ≥ 1.
        action: what happens after that.
    """

    def __init__(self, count: Callable[[], int], warmup: int = 2, action: Action = "warn") -> None:
        self.count, self.warmup, self.action = count, warmup, action
        self.spent = 0
        self._steps: Counter[str] = Counter()
        self._known: dict[str, set[Signature]] = {}
        self._last = 0

    def finish(self, source: str, batch: Signature) -> None:
        """Account for one finished step.

        Args:
            source: what gave the batch, with a warm-up of its own (training, evaluation).
            batch: its signature.
        """
        self._steps[source] += 1
        known = self._known.setdefault(source, set())
        new, warm = batch not in known, self._steps[source] <= self.warmup
        if not (new or warm or self._steps[source] % 100 == 0):
            return  # counting drains the device: only where something may have changed
        total = self.count()
        grown, self._last = total - self._last, total
        if grown and not warm:
            self.spent += grown
            self._complain(source, grown, batch, known, new)
        known.add(batch)

    def _complain(self, source: str, grown: int, batch: Signature, known: set[Signature], new: bool) -> None:
        cause = f"batch ({', '.join(batch)})" if new else "a Python value or shape made inside the step"
        before = " | ".join(f"({', '.join(one)})" for one in sorted(known))
        text = (
            f"{grown} compilations after warm-up at step {self._steps[source]} of {source}, caused by {cause}; "
            f"compiled before: {before}. Pad it: runtime.loader(..., pad_to=..., lengths=(...))"
        )
        if self.action == "error":
            raise RecompilationError(text)
        if self.action == "warn":
            warnings.warn(text, RecompilationWarning, stacklevel=4)
