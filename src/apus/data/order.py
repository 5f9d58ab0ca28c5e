"""Order, shards, batch limits and random numbers, each a pure function of (seed, epoch, position)."""

import struct
from collections.abc import Sequence
from hashlib import blake2b
from math import ceil

import numpy as np
from numpy.typing import NDArray


def permutation(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order of one epoch: raw counter-based numbers, sorted.

    Only the raw numbers of Philox are used, whose stream NumPy guarantees, so the order outlives NumPy versions.

    Args:
        seed: ≥ 0.
        epoch: ≥ 0.
        count: N examples.

    Returns:
        A permutation of 0..N-1.

    >>> sorted(permutation(0, 1, 4).tolist())
    [0, 1, 2, 3]
    """
    return np.argsort(np.random.Philox(key=[seed, epoch]).random_raw(count), kind="stable")


def shard_size(count: int, rank: int, world: int) -> int:
    """How many of `count` examples rank `rank` reads, when example i goes to rank i mod `world`."""
    return (count - rank + world - 1) // world


def rng(seed: int, epoch: int, stage: int, item: int, copy: int) -> np.random.Generator:
    """The random numbers of one view of one item, addressed by place, never by history (Salmon et al. 2011).

    >>> a, b = rng(1, 0, 2, 30, 4), rng(1, 0, 2, 30, 5)
    >>> a.random() == b.random()
    False
    """
    return np.random.Generator(np.random.Philox(key=[seed, stage], counter=[0, copy, item, epoch]))


def seed_at(seed: int, epoch: int, stage: int, item: int, copy: int) -> int:
    """Like `rng`, one number for generators that are seeded: a hash of the place, in a fortieth of the time.

    >>> seed_at(1, 0, 2, 30, 4) == seed_at(1, 0, 2, 30, 5)
    False
    """
    return int.from_bytes(blake2b(struct.pack("<5Q", seed, epoch, stage, item, copy), digest_size=8).digest(), "little")


def steps_of(emitted: Sequence[int], batch: int, whole: bool) -> int:
    """Batches that every rank makes, of ranks that emit so many examples each.

    Args:
        emitted: examples by rank.
        batch: B.
        whole: leave out what does not fill a batch on all ranks; else no example is left out.

    Returns:
        Steps of each rank.

    >>> steps_of([10, 9], 5, True), steps_of([11, 10], 5, False)
    (1, 3)
    """
    return min(emitted) // batch if whole else ceil(max(emitted) / batch)


def limits(step: int, emitted: int, batch: int, steps: int) -> tuple[int, int]:
    """First and past-the-last example of a batch.

    A rank with fewer examples than its peers must not run out a step before them: the last two batches then
    share what is left.

    Args:
        step: of 0..steps-1; `steps` gives the end.
        emitted: examples of this rank.
        batch: B.
        steps: of all ranks.

    Returns:
        The two ends of a range.

    >>> [limits(s, 10, 5, 3) for s in range(3)]
    [(0, 5), (5, 8), (8, 10)]
    """

    def first(at: int) -> int:
        shared = max(steps - 2, 0) * batch
        if at == steps - 1 and emitted <= (steps - 1) * batch:
            return shared + ceil((emitted - shared) / 2)
        return min(at * batch, emitted)

    return first(step), first(step + 1)
