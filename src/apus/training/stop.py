"""Ctrl-C and SIGTERM end a run at the next step, with its state saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from apus.errors import ApusError


class Stopped(ApusError):
    """The user stopped the run; everything done so far is on disk.

    Args:
        message: for the user, one line.
        number: the signal's; a command ends with 128 plus it.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.signal = number


class Flag:
    """Set by the first signal; a second one ends the process at once, as if we were not here."""

    number = 0


@contextmanager
def on_signal() -> Iterator[Flag]:
    """Turn SIGINT and SIGTERM into a flag for the time of the block; does nothing outside the main thread."""
    flag = Flag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: FrameType | None) -> None:
        flag.number = number
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
