import os
import signal
import threading

import pytest

from apus.training.stop import on_signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_a_flag_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with on_signal() as flag:
        assert flag.number == 0
        os.kill(os.getpid(), number)
        assert flag.number == number
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def test_other_threads_are_left_alone():
    seen = []

    def work():
        with on_signal() as flag:
            seen.append(flag.number)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [0]
