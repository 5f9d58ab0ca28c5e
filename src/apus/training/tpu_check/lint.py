"""Watch training steps on a CPU and list what would stall a TPU, or make it compile again, by file and line.

A value that Python asks for (`item`, `print`, `if loss > x`) and a shape that depends on values (`x[mask]`, `nonzero`)
make the host wait for the device; a shape that changes between steps makes it compile.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from apus.training.tpu_check.places import user_line

A = torch.ops.aten
ASKS = {
    Tensor.item: "item() fetches a value",
    Tensor.tolist: "tolist() fetches values",
    Tensor.numpy: "numpy() fetches values",
    Tensor.cpu: "cpu() fetches values",
    Tensor.__bool__: "a branch on a tensor fetches it",
    Tensor.__float__: "float() fetches a value",
    Tensor.__int__: "int() fetches a value",
    Tensor.__index__: "a tensor used as an index or a range fetches it",
    Tensor.__repr__: "printing a tensor fetches it",
    Tensor.__format__: "formatting a tensor fetches it",
    Tensor.__array__: "NumPy on a tensor fetches it",
    Tensor.__contains__: "`in` on a tensor fetches a value",
}
DEPENDS = {
    A._local_scalar_dense.default: "a value is fetched",
    A.nonzero.default: "nonzero: the shape depends on values",
    A.masked_select.default: "masked_select: the shape depends on values",
    A._unique2.default: "unique: the shape depends on values",
    A.unique_consecutive.default: "unique_consecutive: the shape depends on values",
    A.unique_dim.default: "unique: the shape depends on values",
    A.repeat_interleave.Tensor: "repeat_interleave: the shape depends on values",
    A.bincount.default: "bincount: the shape depends on values",
    A.equal.default: "equal() fetches the answer",
}
INDEXING = {A.index.Tensor, A.index_put.default, A.index_put_.default}
SEEN_ONCE_IN = 5  # steps: a fetch rarer than that is how metrics should be read
IN_EVALUATION = 2  # a fetch without gradients is evaluation's, unless most steps do it


@dataclass(frozen=True)
class Finding:
    """One thing to change: where, what, and its kind (`stall`, `recompile`, `dtype`)."""

    place: str
    what: str
    kind: str


class Steps:
    """What happened in each training step, gathered by the modes below and by hooks."""

    def __init__(self) -> None:
        self.count = 0
        self._hits: dict[tuple[str, str, str, bool], set[int]] = defaultdict(set)
        self._made: dict[tuple[str, bool], list[tuple[frozenset[str], tuple[str, ...]]]] = {}
        self._before = self._made
        self.always: dict[Finding, None] = {}
        self._batches: dict[str, Counter[str]] = defaultdict(Counter)

    def hit(self, kind: str, what: str, place: str | None = None) -> None:
        """Note something in the present step, at the user's line."""
        place = place or user_line()
        if place is not None:
            self._hits[place, what, kind, torch.is_grad_enabled()].add(self.count)

    def made(self, place: str, inputs: list[str], outputs: list[str]) -> None:
        """Note the shapes an operation took and made."""
        key = (place, torch.is_grad_enabled())  # evaluation runs the same lines of a model
        self._made.setdefault(key, []).append((frozenset(inputs), tuple(outputs)))

    def batch(self, place: str, signature: tuple[str, ...]) -> None:
        """Note the shapes of a batch."""
        self._batches[place][", ".join(signature)] += 1

    def end(self) -> None:
        """Close a step; find the lines that made other shapes than in the step before, from the same inputs."""
        for key, operations in self._made.items():
            before = self._before.get(key, [])
            known = frozenset().union(*(inputs for inputs, _ in before))
            changed = next((new for new, old in zip(operations, before, strict=False) if new != old), None)
            if changed is not None and changed[0] <= known:  # else: a victim of an earlier line
                self.hit("recompile", "makes another shape than in the step before", key[0])
        self._before, self._made = self._made, {}
        self.count += 1

    def findings(self) -> list[Finding]:
        """What recurred, sorted by place, one a line."""
        found = {finding.place: finding for finding in self._recurring()}
        for place, signatures in self._batches.items():
            if len(signatures) > 1:
                found.setdefault(place, Finding(place, f"batches come in {len(signatures)} shapes", "recompile"))
        for finding in self.always:
            also = f"; {found[finding.place].what}" if finding.place in found else ""
            found[finding.place] = Finding(finding.place, finding.what + also, finding.kind)
        return sorted(found.values(), key=lambda finding: _by_line(finding.place))

    def _recurring(self) -> Iterator[Finding]:
        for (place, what, kind, grad), steps in sorted(self._hits.items(), key=lambda item: _weight(*item[0])):
            needed = self.count / (SEEN_ONCE_IN if grad else IN_EVALUATION)
            if len(steps) >= max(2, needed) or (kind == "recompile" and steps):
                yield Finding(place, what, kind)


def _weight(place: str, what: str, kind: str, grad: bool) -> tuple[int, bool]:
    # The last one speaks for its line: a stall before a shape, and what Python asked before what that ran.
    return ("dtype", "recompile", "stall").index(kind), what != DEPENDS[A._local_scalar_dense.default]


def _by_line(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return file, int(line)


class Asks(TorchFunctionMode):
    """Sees Python ask a tensor for its value."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self.steps = steps

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note it, then do it."""
        if func in ASKS:
            self.steps.hit("stall", ASKS[func])
        return func(*args, **(kwargs or {}))


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation's shapes and types."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps = steps

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note it, then do it."""
        result = func(*args, **(kwargs or {}))
        place = user_line()
        if place is None:
            return result
        masked = func in INDEXING and any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
        if func in DEPENDS or masked:
            self.steps.hit("stall", DEPENDS.get(func, "a boolean mask: the shape depends on values"), place)
        outputs = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, Tensor)]
        if any(leaf.dtype in (torch.float64, torch.complex128) for leaf in outputs):
            self.steps.hit("dtype", "computes in 64-bit floats, which a TPU lacks", place)
        inputs = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        self.steps.made(
            place, [str(tuple(leaf.shape)) for leaf in inputs], [str(tuple(leaf.shape)) for leaf in outputs]
        )
        return result
