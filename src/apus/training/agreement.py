"""Ranks agree on what one of them was told, without waiting for one another."""

from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from apus.training.distributed import Ranks


class Agreement:
    """The largest number that any rank brought, asked once a step; the answer is that of the step before.

    The question travels while the next step computes. A single process answers itself at once.

    Args:
        ranks: the group.

    >>> from apus.training.distributed import Ranks
    >>> Agreement(Ranks(torch.device("cpu"))).ask(15)
    15
    """

    def __init__(self, ranks: "Ranks") -> None:
        self.ranks = ranks
        self._pending: tuple[dist.Work, torch.Tensor] | None = None

    def ask(self, number: int) -> int:
        """Bring a number; every rank must call, equally often.

        Args:
            number: ≥ 0, such as a signal's.

        Returns:
            The same on every rank.
        """
        if self.ranks.control is None:
            return number
        answer = self.settle()
        flag = torch.tensor(number)
        work = dist.all_reduce(flag, dist.ReduceOp.MAX, group=self.ranks.control, async_op=True)
        assert work is not None
        self._pending = (work, flag)
        return answer

    def settle(self) -> int:
        """Wait for what is still travelling; call before the group ends.

        Returns:
            The largest number of the last `ask`; 0 if there is none.
        """
        if self._pending is None:
            return 0
        work, flag = self._pending
        self._pending = None
        work.wait()
        return int(flag)
