"""What a recogniser hears wrong is left out of trainings, and what is held out stays."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes.speech import unclear
from recipes.speech.corpus import SHARD, read, shard


class Reader:
    """Says a frame of silence."""

    def say(self, text: str, seed: int) -> dict[str, Any]:
        empty = {"phonemes": np.zeros(1, np.uint8), "durations": np.ones(1, np.uint8)}
        return empty | {"audio": np.zeros(300, np.int16), "features": np.zeros((1, 26), np.float16)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(2):
        first = number * SHARD
        texts = [f"Sentence {i}" for i in range(first, first + SHARD)]
        (tmp_path / f"{number:04d}.npz").write_bytes(shard(Reader(), texts, first))
    return tmp_path


def texts(folder: Path, held_out: bool) -> list[str]:
    return [one["text"] for one in read(folder, held_out)]


def test_what_is_heard_wrong_is_left_out(folder: Path) -> None:
    heard = []

    def hear(text: str, audio: object) -> tuple[int, int]:
        heard.append(text)
        return {"Sentence 7": 3, "Sentence 8": 2, "Sentence 70": 10}.get(text, 0), 10

    before, held = texts(folder, False), texts(folder, True)
    assert unclear.listen(folder, hear) == (2, 95)
    assert set(before) - set(texts(folder, False)) == {"Sentence 7", "Sentence 70"}  # 2 of 10 is not more than a fifth
    assert texts(folder, True) == held and not set(held) & set(heard)
    assert len(heard) == 95 and unclear.listen(folder, hear) == (2, 95) and len(heard) == 95


def test_it_goes_on_where_it_was_stopped(folder: Path) -> None:
    (folder / "0000.json").write_text(json.dumps([3]))
    heard: list[str] = []
    assert unclear.listen(folder, lambda text, audio: heard.append(text) or (0, 1)) == (1, 95)  # type: ignore[func-returns-value]
    assert len(heard) == SHARD - 3  # of the second shard alone, three of which are held out
