"""The frames of recipes/audio.toml: what is cut, what is heard, and that no clip is in two splits."""

import numpy as np
import pytest
from recipes.pitch import frames as pitch

from apus.models.crepe import BINS, FRAME, RATE


def tone(hertz: float, seconds: float = 0.6, loud: float = 0.3) -> np.ndarray:
    return (loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_frames_are_normal_and_silence_is_left_out() -> None:
    found = pitch.frames(np.concatenate([tone(200), np.zeros(RATE, np.float32)]))
    assert found.shape[1] == FRAME and 50 < len(found) < 65
    np.testing.assert_allclose(found.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(1), 1, atol=1e-4)


@pytest.mark.parametrize("hertz", [60.0, 220.0, 900.0])
def test_cents_are_read_between_bins(hertz: float) -> None:
    wanted = 1200 * np.log2(hertz / 10)
    bins = pitch.FIRST_BIN + pitch.BIN * np.arange(BINS)
    activations = np.exp(-((bins - wanted) ** 2) / (2 * 25**2)).clip(1e-6, 1 - 1e-6)
    found = pitch.cents(np.log(activations / (1 - activations))[None].astype(np.float32))
    assert abs(found[0] - wanted) < 3


def test_no_clip_is_in_two_splits(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    sounds = [tone(100 + 10 * place) for place in range(16)]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(pitch, "clips", lambda: sounds)
    counted: list[int] = []

    def scores(x: np.ndarray) -> np.ndarray:
        counted.append(len(x))
        crossings = (np.diff(np.signbit(x), axis=1)).sum(1)  # of a tone: its pitch
        return np.eye(BINS, dtype=np.float32)[np.minimum(crossings, BINS - 1)]

    monkeypatch.setattr(pitch, "_scores", scores)
    splits = pitch.load()
    assert [len(x) for x, _ in splits[1:]] == counted and all(len(x) == len(y) for x, y in splits)
    assert set(splits[0][1]) == {pitch.UNLABELLED}
    tones = {"valid": {0, 8}, "test": {1, 9}}
    for (_, y), name in zip(splits[1:], ("valid", "test"), strict=True):
        expected = {round(2 * (100 + 10 * place) * FRAME / RATE) for place in tones[name]}
        assert all(min(abs(found - e) for e in expected) <= 1 for found in set(y.tolist()))
    pitch.load()
    assert len(counted) == 2  # kept
