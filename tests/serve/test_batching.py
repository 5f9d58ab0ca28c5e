"""Turns, stacking, bounds, and one bad request among good ones."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest
from serving import feed, session

from apus.artifact import Array
from apus.errors import RunError
from apus.runtime import NodeArg
from apus.serve.batching import Batcher, batch_symbol
from apus.serve.limits import Limits
from apus.serve.refusal import Refusal


class Watched:
    """A session that waits for `go` and writes down the rows of each run; a row that begins with 13 makes it fail."""

    def __init__(self) -> None:
        self.session, self.go, self.rows = session(), threading.Event(), list[int]()
        self.get_inputs, self.get_outputs = self.session.get_inputs, self.session.get_outputs

    def run(self, names: Any, arrays: dict[str, Array]) -> list[Array]:
        assert self.go.wait(20)
        self.rows.append(len(arrays["x"]))
        if (arrays["x"][:, 0] == 13).any():
            raise RunError("unlucky")
        return self.session.run(names, arrays)


def play(limits: Limits, scene: Callable[[Batcher, Watched], Awaitable[None]]) -> Watched:
    """Run `scene` against a batcher that works."""
    watched = Watched()

    async def main() -> None:
        batcher = Batcher(watched, limits)  # type: ignore[arg-type]
        work = asyncio.create_task(batcher.work())
        try:
            await scene(batcher, watched)
        finally:
            watched.go.set()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    asyncio.run(main())
    return watched


async def asked(batcher: Batcher, feeds: Sequence[dict[str, Array]]) -> list[asyncio.Task[list[Array]]]:
    """All of `feeds` in the queue, but for the first, which is running."""
    tasks = []
    for arrays in feeds:
        tasks.append(asyncio.create_task(batcher.infer(arrays)))
        await asyncio.sleep(0.01)
    return tasks


def check(answers: Sequence[list[Array]], feeds: Sequence[dict[str, Array]]) -> None:
    for answer, arrays in zip(answers, feeds, strict=True):
        for mine, alone in zip(answer, session().run(None, arrays), strict=True):
            np.testing.assert_array_equal(mine, alone)


@pytest.mark.parametrize(("most", "rows"), [(1, [1, 1, 2, 1, 3]), (4, [1, 4, 3]), (100, [1, 7])])
def test_what_waits_is_stacked_up_to_the_limit(most: int, rows: list[int]) -> None:
    feeds = [feed(n, n) for n in (1, 1, 2, 1, 3)]

    async def scene(batcher: Batcher, watched: Watched) -> None:
        tasks = await asked(batcher, feeds)
        watched.go.set()
        check(await asyncio.gather(*tasks), feeds)

    assert play(Limits(max_batch=most), scene).rows == rows


def test_a_bad_request_harms_no_other() -> None:
    feeds = [feed(1, seed) for seed in range(4)]
    feeds[2]["x"][0, 0] = 13

    async def scene(batcher: Batcher, watched: Watched) -> None:
        tasks = await asked(batcher, feeds)
        watched.go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(answers[2], RunError)
        check([a for a in answers if isinstance(a, list)], [feeds[0], feeds[1], feeds[3]])

    assert play(Limits(max_batch=8), scene).rows == [1, 3, 1, 1, 1]


def test_too_many_are_turned_away_and_a_client_may_leave() -> None:
    async def scene(batcher: Batcher, watched: Watched) -> None:
        tasks = await asked(batcher, [feed(1), feed(1), feed(1)])
        with pytest.raises(Refusal, match="2 requests wait already") as caught:
            await batcher.infer(feed(1))
        assert caught.value.status == 503
        tasks[1].cancel()
        await asyncio.sleep(0)
        watched.go.set()
        check([await tasks[0], await tasks[2]], [feed(1), feed(1)])

    assert play(Limits(max_waiting=2), scene).rows == [1, 1]


def test_whoever_waits_at_the_end_is_told() -> None:
    tasks: list[asyncio.Task[list[Array]]] = []

    async def scene(batcher: Batcher, watched: Watched) -> None:
        tasks.extend(await asked(batcher, [feed(1), feed(1)]))

    play(Limits(), scene)
    for task in tasks:
        with pytest.raises(Refusal, match="shutting down"):
            task.result()


def test_the_batch_is_the_first_dimension_of_all() -> None:
    def symbol(*shapes: list[int | str]) -> str | None:
        return batch_symbol([NodeArg(str(i), "tensor(float)", shape) for i, shape in enumerate(shapes)])

    assert symbol(["N", 3], ["N"]) == "N"
    for others in (["M"], [3], [], ["N", "N"]):
        assert symbol(["N", 3], list(others)) is None
