"""Ordered maps by threads and processes: order, bounds, errors, ends."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from apus.data.workers import Meter, Processes, Threads


def uneven(x: int) -> int:
    time.sleep(0.002 * (x % 3))
    return x * x


@pytest.mark.parametrize("workers", [1, 4])
def test_results_come_in_order(workers: int) -> None:
    assert list(Threads(iter(range(40)), uneven, workers, 8)) == [x * x for x in range(40)]


def test_workers_work_at_once() -> None:
    together = threading.Barrier(8)  # opens when eight wait, and breaks where fewer ever come
    list(Threads(iter(range(16)), lambda x: together.wait(20), 8, 16))


def test_the_window_is_bounded_and_fills_without_being_asked() -> None:
    begun = []
    stream = Threads(iter(range(100)), begun.append, 2, 5)
    for most in (5, 6):
        while len(begun) < most:  # or for ever, where it does not fill
            time.sleep(0.001)
        time.sleep(0.05)
        assert len(begun) == most
        next(stream)
    stream.close()
    stream.join()


def test_errors_come_in_their_place_and_end_the_stream() -> None:
    def upstream() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("upstream")

    stream = Threads(upstream(), lambda x: 1 // (x - 9), 2, 4)
    assert [next(stream), next(stream)] == [-1, -1]
    with pytest.raises(OSError, match="upstream"):
        next(stream)
    stream = Threads(iter(range(20)), lambda x: 1 // (x - 2), 2, 4)
    with pytest.raises(ZeroDivisionError):
        list(stream)


def test_close_frees_a_waiting_consumer() -> None:
    gate = threading.Event()
    stream = Threads(iter(range(3)), lambda x: gate.wait(5), 1, 2)
    threading.Timer(0.1, stream.close).start()
    assert list(stream) == []
    gate.set()
    stream.join()


def test_processes_give_the_same_and_count_their_work() -> None:
    meter = Meter("square")
    stream = Processes(iter(range(12)), lambda x: (uneven(x), os.getpid()), 2, 4, meter)
    results = list(stream)
    stream.close()
    assert [value for value, _ in results] == [x * x for x in range(12)]
    assert os.getpid() not in {pid for _, pid in results} and meter.items == 12 and meter.busy > 0.01


def test_an_error_in_a_process_comes_in_its_place_though_items_travel_in_groups() -> None:
    stream = Processes(iter(range(40)), lambda x: 1 // (x - 6), 2, 32, Meter("divide"))
    assert [next(stream) for _ in range(6)] == [-1] * 6
    with pytest.raises(ZeroDivisionError, match="in a worker process"):
        next(stream)
