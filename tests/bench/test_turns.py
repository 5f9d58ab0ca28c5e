"""Contenders: outputs before time, equal terms, taken in turns."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apus.bench import compare, contender
from apus.bench.turns import pinned
from apus.errors import MissingExtraError, RunError, VerificationError


class Fake:
    """Sleeps, and answers what it was given."""

    def __init__(self, label: str, answer: float = 1.0, seconds: float = 0.0, network: str = "model") -> None:
        self.label, self.network, self.answer, self.seconds = label, network, answer, seconds
        self.threads, self.calls = 0, 0

    def load(self, inputs: Any, threads: int) -> Any:
        self.threads, self.cpus = threads, os.sched_getaffinity(0)
        return self.run

    def run(self) -> Sequence[np.ndarray]:
        self.calls += 1
        time.sleep(self.seconds)
        return [np.full((1, 3), self.answer, np.float32)]

    def settings(self) -> dict[str, object]:
        return {"fake": True}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apus.bench.turns.WARM_UP_SECONDS", 0.0)


INPUTS = {"x": np.zeros((4, 3), np.float32)}


def test_the_slower_is_slower_and_all_run_on_the_same_cpus() -> None:
    fast, slow = Fake("fast"), Fake("slow", seconds=0.002)
    a, b = compare([fast, slow], INPUTS, threads=1, seconds=0.06, rounds=3)
    assert (a.contender, b.contender) == ("fast", "slow")
    assert b.p50_us > 1900 > a.p50_us
    assert a.low_us <= a.p50_us <= a.high_us <= a.p99_us * 1.01 and a.min_us <= a.p50_us
    assert a.batch == 4 and a.per_second == pytest.approx(4e6 / a.p50_us)
    assert fast.threads == slow.threads == 1 and fast.cpus == slow.cpus and len(fast.cpus) == 1
    assert a.agreement is None and b.agreement is not None and b.agreement.relative == 0
    assert b.row("case")["detail"]["settings"] == {"fake": True}


def test_disagreement_stops_before_anything_is_timed() -> None:
    right, wrong = Fake("right"), Fake("wrong", answer=1.5)
    with pytest.raises(VerificationError, match=r"wrong and right run 'model' but differ by 0\.5"):
        compare([right, wrong], INPUTS, seconds=0.1)
    assert right.calls == 1


def test_other_networks_are_not_compared() -> None:
    measured = compare([Fake("a"), Fake("b", answer=9.0, network="other")], INPUTS, seconds=0.01, rounds=2)
    assert [m.agreement for m in measured] == [None, None]


def test_affinity_is_given_back() -> None:
    before = os.sched_getaffinity(0)
    with pinned(1) as cpus:
        assert os.sched_getaffinity(0) == set(cpus)
    assert os.sched_getaffinity(0) == before
    with pytest.raises(RunError, match="CPUs are usable"), pinned(len(before) + 1):
        pass


def test_labels_must_differ() -> None:
    with pytest.raises(RunError, match="distinct labels"):
        compare([Fake("a"), Fake("a")], INPUTS)


def test_real_engines_agree(convnet: Path, convnet_apus: Path, images: np.ndarray) -> None:
    contenders = [contender("apus", convnet_apus)] + [contender(e, convnet) for e in ("onnxruntime", "openvino")]
    measured = compare(contenders, {"image": images[:2]}, seconds=0.05, rounds=2, tolerance=1e-4)
    assert all(m.runs >= 2 and m.p50_us > 0 for m in measured)
    assert all(m.agreement is not None and m.agreement.argmax_pct == 100 for m in measured[1:])


def test_torch_takes_a_module_and_says_so(convnet: Path, images: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten())
    (measured,) = compare([contender("torch", module)], {"image": images[:2]}, seconds=0.02, rounds=2)
    assert measured.settings["layout"] == "channels_last"
    with pytest.raises(RunError, match=r"cannot read convnet\.onnx: give an exported program"):
        contender("torch", convnet)


def test_unknown_and_absent_engines(monkeypatch: pytest.MonkeyPatch, convnet: Path) -> None:
    with pytest.raises(RunError, match="no contender 'tvm'; known are apus"):
        contender("tvm", convnet)
    monkeypatch.delitem(__import__("sys").modules, "apus.bench.contenders.openvino", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'apus-ml\[bench\]'"):
        contender("openvino", convnet)
