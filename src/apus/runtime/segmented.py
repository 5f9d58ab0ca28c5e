"""A network in parts, some of which ONNX Runtime runs (`artifact/SPEC.md` §7)."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from apus import _native
from apus.errors import MissingExtraError
from apus.runtime.foreign import INSTALL, Foreign, installed

Row = dict[str, Any]


class _Part:
    """One part: what it reads and makes, by name, and who runs it."""

    def __init__(self, described: Any, threads: int, alone: bool, **options: bool) -> None:
        model, data, self.inputs, self.outputs, self.nodes, self.why = described
        self.native = None if model is None else _native.Session(model, threads, **options)
        self.foreign = None if model else Foreign(data, threads, f"{self.nodes} nodes of this network", alone)

    def run(self, known: dict[str, Any]) -> None:
        """Add what it makes to `known`."""
        if self.native:
            results = self.native.run([known[name] for name in self.inputs])
        elif self.foreign:
            results = self.foreign.run({name: known[name] for name in self.inputs})
        known.update(zip(self.outputs, results, strict=True))

    def rows(self, known: dict[str, Any], runs: int) -> list[Row]:
        """Its layers, or one row for all that ONNX Runtime runs; timed when `runs` is above 0."""
        arrays = [known[name] for name in self.inputs]
        if self.native:
            return list(self.native.profile(arrays, runs) if runs else self.native.plan([x.shape for x in arrays]))
        row: Row = {"name": ", ".join(self.outputs), "op": "onnxruntime", "kernel": "onnxruntime", "isa": ""}
        row |= {"why": self.why, "nodes": self.nodes, "shape": list(known[self.outputs[0]].shape), "macs": 0}
        return [row | {"microseconds": self._time(known, runs)}] if runs else [row]

    def _time(self, known: dict[str, Any], runs: int) -> float:
        taken = []
        for _ in range(runs):
            start = time.perf_counter_ns()
            self.run(dict(known))
            taken.append((time.perf_counter_ns() - start) / 1e3)
        return median(taken)


class Segmented:
    """Runs like the engine's own session. Threads may share it.

    Args:
        model: with segments.
        threads: threads per layer, and of ONNX Runtime.
        deterministic: as `deterministic_plan` of a session.
        accuracy: as of a session; ONNX Runtime's parts are accurate.

    Raises:
        MissingExtraError: a part is for ONNX Runtime, which is not installed.
    """

    def __init__(
        self, model: _native.Model, threads: int, *, deterministic: bool = False, accuracy: str = "accurate"
    ) -> None:
        self.threads = threads
        theirs = sum(nodes for part, *_, nodes, _ in model.segments if part is None)
        if theirs and not installed():
            raise MissingExtraError(
                f"{theirs} nodes of this network were given to ONNX Runtime when it was compiled: {INSTALL}, or compile"
                " the ONNX model anew without --allow onnxruntime"
            )
        alone = len(model.segments) == 1
        options = {"deterministic": deterministic, "fast": accuracy == "fast"}
        self._parts = [_Part(described, threads, alone, **options) for described in model.segments]
        self._inputs = [(name, dtype) for name, dtype, _ in model.inputs]
        self._outputs = [name for name, _, _ in model.outputs]

    def run(self, arrays: Sequence[Any]) -> list[Any]:
        """Run once.

        Args:
            arrays: one per input.

        Returns:
            One per output.
        """
        known = self._all(arrays)
        return [known[name] for name in self._outputs]

    def _all(self, arrays: Sequence[Any]) -> dict[str, Any]:
        known = {name: array for (name, _), array in zip(self._inputs, arrays, strict=True)}
        for part in self._parts:
            part.run(known)
        return known

    def profile(self, arrays: Sequence[Any], runs: int) -> list[Row]:
        """As `Session.profile`; what ONNX Runtime runs is one row a part."""
        known = self._all(arrays)
        return [row for part in self._parts for row in part.rows(known, runs)]

    def plan(self, shapes: Sequence[Sequence[int]]) -> list[Row]:
        """As `Session.plan`; runs once on ones to learn the shapes between the parts."""
        known = self._all([np.ones(shape, dtype) for shape, (_, dtype) in zip(shapes, self._inputs, strict=True)])
        return [row for part in self._parts for row in part.rows(known, 0)]
