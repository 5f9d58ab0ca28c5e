"""Cores and memory to spare."""

import time

from apus.data.machine import free_bytes, usable_cores, watch_cores


def test_there_are_cores_and_memory() -> None:
    assert usable_cores() >= 1
    assert free_bytes() > 1 << 20


def test_free_cores_lie_between_none_and_all() -> None:
    with watch_cores() as cores:
        time.sleep(0.15)
    assert 0 <= cores.free <= usable_cores()
