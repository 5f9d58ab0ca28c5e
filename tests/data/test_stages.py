"""Single stages: collating, applying, moving."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from apus.data.stages import Apply, Batch, Echo, Item, To, collate, moved
from apus.data.workers import Meter


class Pair(NamedTuple):
    x: Any
    y: Any


def test_collate_stacks_inside_containers() -> None:
    got = collate([{"a": np.float32(i), "b": (torch.ones(2) * i, "s", 1.5)} for i in range(3)])
    assert got["a"].dtype == torch.float32 and got["b"][0].shape == (3, 2)
    assert got["b"][1] == ["s"] * 3 and got["b"][2].tolist() == [1.5] * 3


def test_collate_copies_read_only_arrays() -> None:
    array = np.zeros(3)
    array.flags.writeable = False
    collate([array, array])[0, 0] = 1
    assert array[0] == 0


def test_random_numbers_go_to_functions_that_ask() -> None:
    def asks(value: int, rng: np.random.Generator) -> float:
        return value + rng.random()

    work = Apply("a", asks).work(seed=1, epoch=2, stage=3)
    one, again, other = work(Item(4, 0, 0)), work(Item(4, 0, 0)), work(Item(4, 1, 0))
    assert one.value == again.value != other.value
    assert Apply("a", str).work(1, 2, 3)(Item(4, 0, 7)).value == "7"


def test_batches_know_their_views_and_leave_out_a_rest() -> None:
    items = [Item(i // 2, i % 2, i) for i in range(7)]
    meter = Meter("batch")
    whole = list(Batch(3, True, list).run(iter(items), range(9), None, None, meter))
    assert [b.value for b in whole] == [[0, 1, 2], [3, 4, 5]] and whole[0].views == (0, 1, 0) and meter.items == 2
    assert [len(b.value) for b in Batch(3, False, list).run(iter(items), range(9), None, None, meter)] == [3, 3, 1]


@pytest.mark.parametrize(("spread", "batch", "size"), [("stride", 8, 16), ("stride", None, 4), ("buffer", 8, 1024)])
def test_default_sizes(spread: str, batch: int | None, size: int) -> None:
    echo = Echo(Fraction(3, 2), spread, None, 4, 1)  # type: ignore[arg-type]
    assert echo.schedule(echo.factor, batch, 0, 0).size == size


def test_moves_reach_tensors_in_containers() -> None:
    value = moved({"a": [torch.zeros(1), "s"]}, lambda x: x + 1)
    assert value["a"][0].item() == 1 and value["a"][1] == "s"
    assert To("cpu", 2).work()(Item(0, 0, torch.ones(2))).value.tolist() == [1, 1]


def test_named_tuples_stay_named() -> None:
    batch = collate([Pair(torch.zeros(2), 3), Pair(torch.ones(2), 4)])
    assert type(batch) is Pair and batch.y.tolist() == [3, 4]
    assert type(moved(batch, lambda x: x + 1)) is Pair
