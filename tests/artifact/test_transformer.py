"""Rules of `layer_norm` and `attention`: both readers refuse the same files."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from samples import Builder, real

from apus import _native, artifact
from apus.artifact import Graph, Value, to_bytes
from apus.artifact.transformer import check
from apus.errors import ArtifactError


def layer_norm(shape: list[Any] | None = None, **roles: np.ndarray) -> Graph:
    b = Builder()
    x = b.input("x", real("batch", 4))
    y = b.input("y", real(*(shape or ["batch", 4])))
    given = {"multiplier": np.ones(4, np.float32)} | roles
    b.graph.outputs = [b.node("layer_norm", [x, y], real("batch", 4), given, epsilon=1e-5)]
    return b.graph


def attention(mask: Value | None = None, **changed: Any) -> Graph:
    b = Builder()
    q = b.input("q", real("batch", "time", 8))
    k = b.input("k", real("batch", "keys", 16))
    inputs = [q, k, k] + ([b.input("mask", mask)] if mask else [])
    a = {"heads": 2, "channels": 8, "offsets": [0, 0, 8], "factor": 0.5} | changed
    b.graph.outputs = [b.node("attention", inputs, real("batch", "time", 8), **a)]
    return b.graph


def recurrent(gates: int = 12, cell: Value | None = None, **changed: Any) -> Graph:
    b = Builder()
    h, x = b.input("h", real("batch", 4)), b.input("x", real("time", "batch", gates))
    inputs = [h, x] + ([b.input("c", cell)] if cell else [])
    a = {"channels": gates, "format": "block16x1"} | changed
    roles = b.weights(gates, 4, "float32")
    b.graph.outputs = [b.node("recurrent", inputs, real("time", "batch", 8 if cell else 4), roles, **a)]
    return b.graph


GOOD: dict[str, Callable[[], Graph]] = {
    "layer_norm": layer_norm,
    "with bias": lambda: layer_norm(bias=np.zeros(4, np.float32)),
    "attention": attention,
    "gru": recurrent,
    "lstm, reversed": lambda: recurrent(16, real("batch", 4), reverse=1),
    "gru that resets first": lambda: recurrent(reset_first=1),
    "masked": lambda: attention(real("batch", 1, 1, "keys")),
}
BAD: dict[str, Callable[[], Graph]] = {
    "gates of an lstm without its cell": lambda: recurrent(16),
    "cell of another rank": lambda: recurrent(16, real("batch", 1, 4)),
    "channels unlike the weights": lambda: recurrent(channels=24),
    "lstm that resets first": lambda: recurrent(16, real("batch", 4), reset_first=1),
    "reset_first is no flag": lambda: recurrent(reset_first=2),
    "recurrent in runs": lambda: recurrent(format="block16x4"),
    "ranks differ": lambda: layer_norm(["batch", 1, 4]),
    "scale of another size": lambda: layer_norm(multiplier=np.ones(3, np.float32)),
    "bias not finite": lambda: layer_norm(bias=np.float32([0, np.nan, 0, 0])),
    "bias of another dtype": lambda: layer_norm(bias=np.zeros(4, np.int32)),
    "heads do not divide": lambda: attention(heads=3),
    "offset beyond": lambda: attention(offsets=[0, 9, 0]),
    "mask of rank 3": lambda: attention(real("batch", 1, "keys")),
    "two offsets": lambda: attention(offsets=[0, 0]),
    "no heads": lambda: attention(heads=0),
}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_legal_ones_pass(name: str) -> None:
    graph = GOOD[name]()
    check(graph.nodes[0], graph, "node")
    _native.Model.from_bytes(to_bytes(graph))


@pytest.mark.parametrize("name", sorted(BAD))
def test_illegal_ones_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = BAD[name]()
    with pytest.raises(ArtifactError):
        to_bytes(graph)
    monkeypatch.setattr(sys.modules[artifact.write.__module__], "read", lambda data: None)
    unchecked = to_bytes(graph)
    with pytest.raises(ArtifactError):
        _native.Model.from_bytes(unchecked)
