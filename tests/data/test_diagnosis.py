"""The verdict is right on cases whose answer is known by construction."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from apus.data.diagnosis import diagnose
from apus.data.pipeline import Pipeline
from apus.data.verdict import Cure
from apus.errors import DataError
from timing import settled

B = 4


class Slow(Dataset[Any]):
    """Examples whose reading, decoding and augmenting take so many milliseconds."""

    def __init__(self, read: float = 0.0, decode: float = 0.0, augment: float = 0.0) -> None:
        self.read = read
        self.loader = after(decode) if decode or augment else None
        self.transform = after(augment) if augment else None

    def __len__(self) -> int:
        return 4000

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(self.read / 1e3)
        x = torch.full((4,), float(index))
        x = self.loader(x) if self.loader else x
        return self.transform(x) if self.transform else x


def after(milliseconds: float) -> Callable[[Any], Any]:
    def wait(x: Any) -> Any:
        time.sleep(milliseconds / 1e3)
        return x

    return wait


def loader(workers: int = 0, collate: Any = None, **slow: float) -> Any:
    return DataLoader(Slow(**slow), B, num_workers=workers, collate_fn=collate)


def slow_collate(examples: list[Any]) -> torch.Tensor:
    time.sleep(0.03)
    return torch.stack(examples)


def spiky() -> Any:
    class Spiky:
        def __iter__(self) -> Iterator[int]:
            for i in range(200):
                time.sleep(0.2 if i % 20 == 15 else 0.0)
                yield i

    return Spiky()


def pipe(read: float = 0.0, decode: float = 0.0, augment: float = 0.0) -> Any:
    chain = Pipeline(range(4000)).read(after(read), workers=1).decode(after(decode), workers=1)
    return chain.augment(after(augment), workers=1).batch(B)


CASES = [
    ("slow data set, no workers", lambda: loader(read=6), 6, "INPUT-BOUND", "dataset[i]"),
    ("slow data set, two workers", lambda: loader(2, read=12), 6, "INPUT-BOUND", "dataset[i]"),
    ("slow decode", lambda: loader(read=1, decode=6), 6, "INPUT-BOUND", "decode"),
    ("slow augment", lambda: loader(read=1, decode=1, augment=6), 6, "INPUT-BOUND", "augment"),
    ("slow collate", lambda: loader(collate=slow_collate), 6, "INPUT-BOUND", "collate"),
    ("slow step", lambda: loader(read=0.1), 20, "COMPUTE-BOUND", "the training step"),
    ("slow step, workers keep up", lambda: loader(2, read=2), 24, "COMPUTE-BOUND", "the training step"),
    ("a few slow batches", spiky, 8, "STRAGGLER", "a few slow batches"),
    ("pipeline, slow read", lambda: pipe(read=6), 6, "INPUT-BOUND", "read"),
    ("pipeline, slow decode", lambda: pipe(decode=6, read=1), 6, "INPUT-BOUND", "decode"),
    ("pipeline, slow augment", lambda: pipe(augment=6, read=1), 6, "INPUT-BOUND", "augment"),
    ("pipeline, slow step", lambda: pipe(read=0.5), 25, "COMPUTE-BOUND", "the training step"),
]


@pytest.mark.parametrize(
    ("make", "step", "kind", "where"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_verdict_of_constructed_cases(make: Any, step: float, kind: str, where: str) -> None:
    wanted = kind, where
    verdict = settled(
        lambda: diagnose(make(), after(step), batches=20), lambda found: (found.kind, found.bottleneck) == wanted
    )
    assert (verdict.kind, verdict.bottleneck) == (kind, where), str(verdict)
    assert str(verdict).startswith(kind)


def test_a_slow_copy() -> None:
    verdict = settled(
        lambda: diagnose(loader(), after(5), copy=after(15), batches=12), lambda found: found.kind == "COPY-BOUND"
    )
    assert verdict.kind == "COPY-BOUND" and [cure.name for cure in verdict.cures] == ["overlap", "echo"]
    assert verdict.best is not None and verdict.best.name == "echo"  # hidden, the copy still takes three steps' time


@pytest.mark.parametrize("R", [0.5, 2.0, 4.0])
def test_R_is_within_a_tenth_on_both_sides_of_one(R: float) -> None:
    verdict = settled(
        lambda: diagnose(pipe(read=30 * R / B), after(30), batches=20), lambda found: abs(found.times.R / R - 1) < 0.15
    )
    assert pytest.approx(R, rel=0.15) == verdict.times.R  # the bar is 10 % on a quiet machine: make bench-echo


def test_the_promise_of_echo_is_kept() -> None:
    def promise() -> Cure:
        verdict = diagnose(pipe(read=10), after(10), batches=16)
        return next(cure for cure in verdict.cures if cure.name == "echo")

    echo = settled(promise, lambda cure: cure.text == "echo(4) after decode" and abs(cure.step - 0.010) < 0.003)
    assert echo.text == "echo(4) after decode" and echo.step == pytest.approx(0.010, rel=0.3)


def test_too_short_a_loader_is_refused() -> None:
    with pytest.raises(DataError, match="needs 4"):
        diagnose([1, 2], after(1))


def test_the_data_set_is_left_as_it_was() -> None:
    data = Slow(read=0.1, decode=0.1, augment=0.1)
    before = dict(vars(data))
    diagnose(DataLoader(data, B), after(1), batches=8)
    assert vars(data) == before
