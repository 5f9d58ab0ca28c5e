"""Apus itself: a `Session` on an `.apus` file, or on an ONNX model compiled in memory."""

from typing import Any

from apus.bench.protocol import Inputs, Runner
from apus.runtime import Session, isa


class Engine:
    """An `.apus` or `.onnx` model in `apus.Session`."""

    def __init__(
        self, model: Any, *, label: str, network: str, allow: str | None = None, precision: str = "fp32"
    ) -> None:
        self.model, self.label, self.network, self.allow, self.precision = model, label, network, allow, precision

    def load(self, inputs: Inputs, threads: int) -> Runner:
        """Make the session; the timed call is `run(None, feed)`, as a user writes it."""
        session = Session(self.model, threads=threads, allow=self.allow, precision=self.precision)
        feed = dict(inputs)
        return lambda: session.run(None, feed)

    def settings(self) -> dict[str, object]:
        """The instruction set in use."""
        settings: dict[str, object] = {"isa": isa(), "call": "Session.run", "allow": self.allow or ""}
        return settings | ({"precision": self.precision} if self.precision != "fp32" else {})
