"""Metrics that stay on the device: added up there, fetched together every N steps in one transfer."""

import torch
from torch import Tensor


class Meter:
    """Means of metrics over the last `every` steps.

    Args:
        every: steps between fetches, ≥ 1.

    >>> meter = Meter(every=2)
    >>> meter.add(loss=torch.tensor(1.0)), meter.add(loss=torch.tensor(2.0))
    (None, {'loss': 1.5})
    """

    def __init__(self, every: int) -> None:
        self.every, self.count = every, 0
        self._sums: dict[str, Tensor] = {}

    def add(self, **metrics: Tensor) -> dict[str, float] | None:
        """Count one step; nothing waits for the device until a fetch is due.

        Args:
            **metrics: scalars on the device, the same names each time.

        Returns:
            Every N-th time the means, else None.
        """
        for name, value in metrics.items():
            before = self._sums.get(name, 0.0)  # the sum is a tensor of its own: a compiled step may reuse its outputs
            self._sums[name] = before + value.detach().float()
        self.count += 1
        return self.fetch() if self.count == self.every else None

    def fetch(self) -> dict[str, float]:
        """Fetch the means now, and start anew.

        Returns:
            Means since the last fetch; empty if nothing was added.
        """
        sums, count = self._sums, self.count
        self._sums, self.count = {}, 0
        if not sums:
            return {}
        return dict(zip(sums, (torch.stack(list(sums.values())) / count).tolist(), strict=True))
