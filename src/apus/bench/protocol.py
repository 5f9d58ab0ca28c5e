"""What a contender is: something that runs one network on given inputs with a given number of threads."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Inputs: TypeAlias = Mapping[str, Array]
Runner: TypeAlias = Callable[[], Sequence[Array]]
"""Runs the network once on the inputs it was loaded with and returns its outputs in the model's order."""


class Contender(Protocol):
    """One engine with one model. Contenders of one `network` must agree before they are timed."""

    label: str
    network: str

    def load(self, inputs: Inputs, threads: int) -> Runner:
        """Do everything that happens once: read, optimise for these shapes, make the pool of threads."""
        ...

    def settings(self) -> dict[str, object]:
        """The settings and version that a reader needs in order to judge the comparison fair."""
        ...
