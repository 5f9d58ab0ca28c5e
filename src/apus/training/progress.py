"""Progress of long work: a bar with the time left on a terminal, one line per epoch elsewhere."""

import sys
import time
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Reporter(Protocol):
    """What the loop tells about itself."""

    def __enter__(self) -> "Reporter":
        """Begin to show."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop showing."""

    def step(self, done: int, loss: float, note: str = "") -> None:
        """A step is done; `loss` is its own, `note` what else is new."""

    def epoch(self, text: str) -> None:
        """An epoch is done."""


class Bar:
    """A bar with steps, loss and time left, on standard error."""

    def __init__(self, label: str, steps: int) -> None:
        columns = (
            TextColumn(f"{label:>10}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        )  # fmt: skip
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.task, self.score, self.note = self.progress.add_task(label, total=steps, note=""), "", ""

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def step(self, done: int, loss: float, note: str = "") -> None:
        """Move the bar; a note stands beside it until the next one."""
        self.note = note or self.note
        self.progress.update(self.task, completed=done, note=f"loss {loss:.3f} {self.note} {self.score}")

    def epoch(self, text: str) -> None:
        """Keep the last epoch's score beside the bar."""
        self.score = text


class Lines:
    """One line per epoch on standard error, for logs."""

    def __init__(self, label: str, steps: int) -> None:
        self.label, self.steps, self.done, self.first, self.note = label, steps, 0, -1, ""
        self.start = time.monotonic()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def step(self, done: int, loss: float, note: str = "") -> None:
        """Remember how far we are."""
        if self.first < 0:
            self.first, self.start = done, time.monotonic()
        self.done, self.note = done, note or self.note

    def epoch(self, text: str) -> None:
        """Print a line."""
        pace = (time.monotonic() - self.start) / max(1, self.done - self.first)
        left = pace * (self.steps - self.done)
        words = [f"{self.label:>10} step {self.done}/{self.steps}", text, self.note, f"{left:.0f} s left"]
        print(*(word for word in words if word), file=sys.stderr, flush=True)


class Silent:
    """Nothing: what ranks other than 0 show."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def step(self, done: int, loss: float, note: str = "") -> None:
        """Rank 0 tells."""

    def epoch(self, text: str) -> None:
        """Rank 0 tells."""


def reporter(label: str, steps: int, *, silent: bool = False) -> Reporter:
    """A bar on a terminal, lines elsewhere.

    Args:
        label: what is trained.
        steps: of the run.
        silent: show nothing.

    Returns:
        To be entered.
    """
    if silent:
        return Silent()
    return Bar(label, steps) if sys.stderr.isatty() else Lines(label, steps)
