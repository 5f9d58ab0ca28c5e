"""Judgements on given times: kind, place, cures in order of cost, and which is best."""

from dataclasses import replace
from typing import Any

import pytest

from apus.data.verdict import Times, judge

DECODING: dict[str, Any] = {"stages": {"read": 0.02, "decode": 0.2, "augment": 0.01}, "echoable": ["read", "decode"]}


def times(load: float = 0.2, step: float = 0.1, **more: Any) -> Times:
    period = max(load, step)
    return Times(step=step, load=load, wait=period - step, period=period, **{**DECODING, **more})


def test_the_line_of_an_input_bound_training() -> None:
    verdict = judge([times(0.26, cache_bytes=148 << 30, free_bytes=24 << 30)])
    assert str(verdict) == (
        "INPUT-BOUND 62% (wait 160 of 260 ms/step, R=2.6). Bottleneck: decode. Workers: 0 cores free. "
        "Cache needs 148 GB of 24 GB: no. Best: echo(2.5) after decode, about 100 ms/step."
    )
    assert "decode" in verdict.table() and "R=2.00" in verdict.table()


def test_cheaper_cures_come_first_and_win_when_they_are_enough() -> None:
    verdict = judge([times(free_cores=4.0, workers=1, cache_bytes=1 << 30, free_bytes=24 << 30)])
    assert [cure.name for cure in verdict.cures] == ["workers", "cache", "echo"]
    assert verdict.best is verdict.cures[0] and verdict.best.text.startswith("+1 workers would fix")
    verdict = judge([times(0.8, free_cores=1.0, workers=1, cache_bytes=1 << 30, free_bytes=24 << 30)])
    assert verdict.best is not None and verdict.best.name == "cache"


def test_workers_that_wait_need_no_cores() -> None:
    verdict = judge([times(0.8, workers=1, free_cores=0.5, cpu_share=0.01)])
    assert verdict.best is not None and verdict.best.text.startswith("+7 workers would fix")


def test_a_busy_machine_has_room_for_workers_that_wait_but_not_for_those_that_compute() -> None:
    waiting = Times(step=0.1, load=0.05, wait=0.05, period=0.15, workers=0, cpu_share=0.02)
    assert judge([waiting]).cures[0].text == "+1 workers would fix (0 cores free; they would mostly wait)"
    assert not judge([replace(waiting, cpu_share=0.9)]).cures[0].possible


def test_a_cache_is_told_in_its_own_unit() -> None:
    verdict = judge([times(0.8, cache_bytes=16_000, free_bytes=24 << 30)])
    assert verdict.best is not None and verdict.best.text == "A cache of all examples fits (15.6 kB of 24 GB free)"


def test_a_slow_augmentation_is_echoed_as_whole_batches() -> None:
    verdict = judge([times(stages={"decode": 0.01, "augment": 0.3}, echoable=["decode"], load=0.31)])
    assert verdict.bottleneck == "augment" and verdict.best is not None and "whole batches" in verdict.best.text


def test_one_worker_overlaps_a_loader_that_is_quick_enough() -> None:
    quick = Times(step=0.1, load=0.05, wait=0.05, period=0.15, workers=0, free_cores=1.0)
    verdict = judge([quick])
    assert verdict.kind == "INPUT-BOUND" and verdict.best is not None and verdict.best.text.startswith("+1 workers")
    assert verdict.best.step == pytest.approx(0.1)


@pytest.mark.parametrize("load", [0.01, 0.09])
def test_compute_bound(load: float) -> None:
    verdict = judge([times(load)])
    assert verdict.kind == "COMPUTE-BOUND" and verdict.best is None and "Nothing to cure" in str(verdict)


def test_copy_bound() -> None:
    verdict = judge([times(0.01, 0.1, copy=0.08)])
    assert verdict.kind == "COPY-BOUND" and verdict.best is not None and verdict.best.name == "overlap"


def test_a_slow_rank_holds_up_the_others() -> None:
    even = times(0.05, 0.1)
    verdict = judge([even, even, times(0.3, 0.1), even])
    assert verdict.kind == "STRAGGLER" and verdict.bottleneck == "rank 2" and "its loader" in str(verdict)
    assert judge([even, times(0.05, 0.25)]).bottleneck == "rank 1"
    assert judge([even] * 4).kind == "COMPUTE-BOUND"


def test_a_few_slow_batches() -> None:
    waits = [0.0] * 18 + [0.8, 0.8]
    verdict = judge([Times(0.1, 0.08, 0.08, 0.18, waits=waits, workers=2)])
    assert verdict.kind == "STRAGGLER" and verdict.bottleneck == "a few slow batches"
