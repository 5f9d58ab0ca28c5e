"""Real processes over gloo: fresh keys disjoint and complete, equal steps, one factor."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent / "scripts" / "ranks.py"


def run(world: int, store: Path, count: int, *factors: str) -> list[list[dict[str, Any]]]:
    """By factor, by rank, what each rank printed."""
    ranks = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(rank), str(world), str(store), str(count), *factors],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    ends = [rank.communicate(timeout=200) for rank in ranks]
    assert all(rank.returncode == 0 for rank in ranks), ends
    return [list(of_factor) for of_factor in zip(*(json.loads(out) for out, _ in ends), strict=True)]


def check_shares(ranks: list[dict[str, Any]], count: int) -> None:
    assert len({rank["steps"] for rank in ranks}) == 1
    sets = [set(rank["keys"]) for rank in ranks]
    assert set.union(*sets) == set(range(count)) and sum(map(len, sets)) == count
    for rank, keys in zip(ranks, sets, strict=True):
        assert set(Counter(rank["keys"]).values()) == {1, 2} and len(rank["keys"]) == len(keys) * 3 // 2


def test_two_ranks_share_keys_agree_on_the_automatic_factor_and_find_the_straggler(tmp_path: Path) -> None:
    fixed, auto, verdicts = run(2, tmp_path / "store", 401, "1.5", "auto")
    check_shares(fixed, 401)
    assert [rank["verdict"] for rank in verdicts] == [["STRAGGLER", "rank 0"]] * 2
    assert auto[0]["factor"] == auto[1]["factor"] > 1 and auto[0]["steps"] == auto[1]["steps"]


@pytest.mark.timeout(600)
def test_four_ranks_share_keys(tmp_path: Path) -> None:
    ranks, _ = run(4, tmp_path / "store", 129, "1.5")
    check_shares(ranks, 129)
