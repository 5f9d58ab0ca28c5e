"""Real processes over gloo: fresh keys disjoint and complete, equal steps, one factor."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent / "scripts" / "ranks.py"


def run(world: int, store: Path, count: int, factor: str) -> list[dict[str, Any]]:
    ranks = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(rank), str(world), str(store), str(count), factor],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    ends = [rank.communicate(timeout=120) for rank in ranks]
    assert all(rank.returncode == 0 for rank in ranks), ends
    return [json.loads(out) for out, _ in ends]


@pytest.mark.parametrize(("world", "count"), [(2, 131), (4, 129)])
def test_keys_are_shared_and_steps_are_equal(world: int, count: int, tmp_path: Path) -> None:
    ranks = run(world, tmp_path / "store", count, "1.5")
    assert len({rank["steps"] for rank in ranks}) == 1 and ranks[0]["steps"] == ranks[0]["length"]
    sets = [set(rank["keys"]) for rank in ranks]
    assert set.union(*sets) == set(range(count)) and sum(map(len, sets)) == count
    for rank in ranks:
        assert set(Counter(rank["keys"]).values()) == {1, 2}
        assert len(rank["keys"]) == len(sets[ranks.index(rank)]) * 3 // 2


def test_ranks_agree_on_the_automatic_factor(tmp_path: Path) -> None:
    fast, slow = run(2, tmp_path / "store", 400, "auto")
    assert fast["factor"] == slow["factor"] > 1 and fast["steps"] == slow["steps"]
