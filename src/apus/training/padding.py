"""Fixed shapes: pad the rows of a ragged batch, and lengths up to a bucket, so that nothing recompiles.

Rows are filled with copies of real rows (their statistics are sane, unlike zeros) whose targets are `ignore_index`, the
value that `cross_entropy` and `nll_loss` leave out of the mean by default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from apus.errors import DataError

TARGETS = ("labels", "label", "targets", "target", "y")


@dataclass(frozen=True)
class Padding:
    """What to pad, and with what.

    Attributes:
        rows: rows that each batch shall have, or None to leave them; a smaller batch is filled.
        lengths: sizes allowed for dimension 1, in any order; a batch takes the smallest that holds it.
        value: fills inputs beyond their length.
        ignore_index: fills targets.
        targets: keys (of a dict) or places (of a tuple) of the targets; None: the last of a tuple,
            `labels` and its like of a dict.
        strict: refuse a ragged batch whose targets are not integers, instead of leaving it ragged.
    """

    rows: int | None = None
    lengths: tuple[int, ...] = ()
    value: float = 0
    ignore_index: int = -100
    targets: tuple[str | int, ...] | None = None
    strict: bool = False

    def __call__(self, batch: Any) -> Any:
        """Pad one batch.

        Args:
            batch: tensors (N, ...) in a tuple, list or dict, or one tensor; other things in it pass through.

        Returns:
            The same structure.
        """
        fields = _fields(batch)
        length = self._bucket(fields)
        padded = {key: self._field(key, value, fields, length) for key, value in fields.items()}
        return _rebuild(batch, padded)

    def _is_target(self, key: str | int, fields: Mapping[str | int, Any]) -> bool:
        if self.targets is not None:
            return key in self.targets
        return key in TARGETS if isinstance(key, str) else key == len(fields) - 1 > 0

    def _bucket(self, fields: Mapping[str | int, Any]) -> tuple[int, int] | None:
        sizes = [value.shape[1] for value in fields.values() if isinstance(value, Tensor) and value.dim() > 1]
        if not self.lengths or not sizes:
            return None
        fitting = [size for size in sorted(self.lengths) if size >= sizes[0]]
        if not fitting:
            raise DataError(f"a batch of length {sizes[0]} fits no bucket of {sorted(self.lengths)}: add a larger one")
        return sizes[0], fitting[0]

    def _field(
        self, key: str | int, value: Any, fields: Mapping[str | int, Any], length: tuple[int, int] | None
    ) -> Any:
        if not isinstance(value, Tensor) or value.dim() == 0:
            return value
        target = self._is_target(key, fields)
        fill = self.ignore_index if target else self.value
        if length is not None and value.dim() > 1 and value.shape[1] == length[0]:
            value = F.pad(value, (0, 0) * (value.dim() - 2) + (0, length[1] - length[0]), value=fill)
        missing = (self.rows or 0) - len(value)
        if missing < 0 and self.rows and self.strict and target:
            raise DataError(f"a batch of {len(value)} rows is larger than pad_to={self.rows}: raise that")
        if missing <= 0 or not self._can_ignore(fields):
            return value
        if target:
            return F.pad(value, (0, 0) * (value.dim() - 1) + (0, missing), value=fill)
        return value[torch.arange(len(value) + missing) % len(value)]

    def _can_ignore(self, fields: Mapping[str | int, Any]) -> bool:
        targets = [value for key, value in fields.items() if self._is_target(key, fields)]
        ignorable = bool(targets) and all(isinstance(t, Tensor) and not t.is_floating_point() for t in targets)
        if self.strict and not ignorable:
            raise DataError(
                "a ragged batch cannot be padded: no integer targets to mark with ignore_index; "
                "name them with targets=..., or use drop_last=True"
            )
        return ignorable


def _fields(batch: Any) -> dict[str | int, Any]:
    if isinstance(batch, Mapping):
        return dict(batch)
    return dict(enumerate(batch)) if isinstance(batch, (tuple, list)) else {0: batch}


def _rebuild(batch: Any, fields: dict[str | int, Any]) -> Any:
    if isinstance(batch, Mapping):
        return fields
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*fields.values())
    return type(batch)(fields.values()) if isinstance(batch, (tuple, list)) else fields[0]
