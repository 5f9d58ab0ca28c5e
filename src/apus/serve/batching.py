"""Turns: one run at a time, and what waits meanwhile is stacked into the next one.

No request ever waits for company: a batch is what arrived while the one before ran, so an idle server adds no delay.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from apus.errors import RunError
from apus.runtime import NodeArg, Session
from apus.runtime.feed import Array
from apus.serve.limits import Limits
from apus.serve.refusal import Refusal

Feed = dict[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    feed: Feed
    result: asyncio.Future[list[Array]]

    @property
    def rows(self) -> int:
        return len(next(iter(self.feed.values())))

    @property
    def kind(self) -> list[tuple[int, ...]]:
        """What must agree with another's for both to be stacked."""
        return [array.shape[1:] for array in self.feed.values()]


def batch_symbol(args: Sequence[NodeArg]) -> str | None:
    """The symbol of the batch.

    Args:
        args: inputs and outputs of a model.

    Returns:
        The symbol that is the first dimension of each, and no other dimension; None if there is no such symbol.
    """
    firsts = {arg.shape[0] if arg.shape else None for arg in args}
    symbol = firsts.pop() if len(firsts) == 1 else None
    if not isinstance(symbol, str) or not symbol or any(symbol in arg.shape[1:] for arg in args):
        return None
    return symbol


class Batcher:
    """The queue before a session.

    Args:
        session: what runs.
        limits: rows of a batch, and requests that may wait.

    Raises:
        RunError: batches are wanted of a model whose inputs and outputs have no first dimension in common.
    """

    def __init__(self, session: Session, limits: Limits) -> None:
        if limits.max_batch > 1 and batch_symbol([*session.get_inputs(), *session.get_outputs()]) is None:
            raise RunError(
                "max_batch needs a model whose every input and output begins with the same symbolic dimension; "
                "serve this one with max_batch 1"
            )
        self._session, self._limits = session, limits
        self._waiting: deque[_Job] = deque()
        self._wake = asyncio.Event()
        self._worker = ThreadPoolExecutor(1, "apus-serve")

    async def infer(self, feed: Feed) -> list[Array]:
        """Wait for a turn.

        Args:
            feed: checked arrays, in the model's order.

        Returns:
            Every output of the model.

        Raises:
            Refusal: too many wait already.
            RunError: the model cannot take these shapes.
        """
        if len(self._waiting) >= self._limits.max_waiting:
            raise Refusal(f"{len(self._waiting)} requests wait already; come back later", 503)
        job = _Job(feed, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._wake.set()
        return await job.result

    async def work(self) -> None:
        """Answer until cancelled; then whoever still waits is told."""
        group: list[_Job] = []
        try:
            while True:
                while not self._waiting:
                    self._wake.clear()
                    await self._wake.wait()
                group = self._next()
                await self._answer(group)
        finally:
            self._worker.shutdown(wait=True)
            for job in [*group, *self._waiting]:
                if not job.result.done():
                    job.result.set_exception(Refusal("the server is shutting down", 503))

    def _next(self) -> list[_Job]:
        """Whoever waits longest, and those right behind that can share its run."""
        group = [self._waiting.popleft()]
        rows, kind = group[0].rows if self._limits.max_batch > 1 else 0, group[0].kind
        while self._limits.max_batch > 1 and self._waiting and self._waiting[0].kind == kind:
            rows += self._waiting[0].rows
            if rows > self._limits.max_batch:
                break
            group.append(self._waiting.popleft())
        return group

    async def _answer(self, group: list[_Job]) -> None:
        group = [job for job in group if not job.result.done()]  # a client that left needs no answer
        if not group:
            return
        try:
            loop = asyncio.get_running_loop()
            answers = await loop.run_in_executor(self._worker, self._run, [job.feed for job in group])
        except Exception as error:
            if len(group) == 1 and not group[0].result.done():
                group[0].result.set_exception(error)
            elif len(group) > 1:  # one of them is to blame: the others shall not suffer for it
                for job in group:
                    await self._answer([job])
            return
        for job, answer in zip(group, answers, strict=True):
            if not job.result.done():
                job.result.set_result(answer)

    def _run(self, feeds: list[Feed]) -> list[list[Array]]:
        """Outputs per feed."""
        if len(feeds) == 1:
            return [self._session.run(None, feeds[0])]
        stacked = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
        ends = list(accumulate(len(next(iter(feed.values()))) for feed in feeds))
        parts = [np.split(output, ends[:-1]) for output in self._session.run(None, stacked)]
        return [list(part) for part in zip(*parts, strict=True)]
