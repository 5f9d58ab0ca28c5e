"""The corpus builder, with a speaker of ours in hibari's place."""

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes.speech import corpus

from apus.speech.features import HOP


class Speaker:
    """Says two frames a character; refuses one text; counts."""

    said = 0

    def say(self, text: str, seed: int) -> dict[str, Any] | None:
        Speaker.said += 1
        if "clips" in text:
            return None
        frames = np.full(len(text), 2, np.uint8)
        total = int(frames.sum())
        audio = np.random.default_rng(seed).integers(-3000, 3000, total * HOP).astype(np.int16)
        features = np.full((total, 26), seed, np.float16)
        return {"phonemes": np.uint8(list(text.encode())), "durations": frames, "audio": audio, "features": features}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """60 sentences, and lines that are none, packed as the real archive is."""
    lines = [f"{i}\t0.5\tThis is sentence number {i:02d}, and it is long enough." for i in range(59)]
    lines += ["59\t0.5\tThis sentence is the one that clips, so it is dropped.", "60\t1\tshort.", "61\t1\t" + "x" * 50]
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as tar:
        for source in corpus.SOURCES:
            content = "\n".join(lines if source == corpus.SOURCES[0] else lines[:1]).encode()
            member = tarfile.TarInfo(f"hutto_ICWSM_2014/{source}_GroundTruth.txt")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    path = tmp_path / corpus.SENTENCES
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("vader/additional_resources/hutto_ICWSM_2014.tar.gz")
        member.size = len(inner.getvalue())
        tar.addfile(member, io.BytesIO(inner.getvalue()))
    return path


def test_sentences_are_distinct_and_whole(archive: Path) -> None:
    found = corpus.sentences(archive)
    assert len(found) == len(set(found)) == 60


def test_build_goes_on_where_it_ended(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "Speaker", Speaker)
    monkeypatch.setattr(Speaker, "said", 0)
    folder = tmp_path / "shards"
    short = corpus.build(folder, archive, hours=0.001)
    assert (Speaker.said, len(list(folder.glob("*.npz")))) == (50, 1)
    whole = corpus.build(folder, archive, hours=9)
    assert (Speaker.said, len(list(folder.glob("*.npz")))) == (60, 2)
    assert 0 < short < whole < 9
    known, held = list(corpus.read(folder, held_out=False)), list(corpus.read(folder, held_out=True))
    assert (len(known), len(held)) == (57, 2)
    assert [one["text"][24:26] for one in held] == ["19", "39"]
    for one in known + held:
        assert one["durations"].sum() * HOP == len(one["audio"]) == len(one["features"]) * HOP
        assert bytes(one["phonemes"]).decode() == one["text"]
