"""A human speaker's corpus, from recordings and a melody of ours."""

from pathlib import Path

import numpy as np
from recipes.speech.corpus import HELD_OUT, read
from recipes.speech.recorded import Recorded, build

from apus.speech.features import BANDS, HOP


def tone(seconds: float) -> np.ndarray:
    """200 Hz at 16 kHz."""
    return (0.5 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * 16_000)) / 16_000)).astype(np.float32)


def test_recordings_become_a_corpus(tmp_path: Path) -> None:
    def melody(audio: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(audio) // HOP) < 10, 0, 400).astype(np.float32)

    lengths = [0.5 + 0.013 * i for i in range(55)]
    hours = build(tmp_path, Recorded([tone(length) for length in lengths], melody))
    assert abs(hours * 3600 - sum(lengths)) < 0.01
    known, held = list(read(tmp_path, held_out=False)), list(read(tmp_path, held_out=True))
    assert len(held) == 55 // HELD_OUT and len(known) == 55 - len(held)
    for one, length in zip(
        known, [each for i, each in enumerate(lengths) if i % HELD_OUT != HELD_OUT - 1], strict=True
    ):
        frames = len(one["features"])
        assert len(one["audio"]) == frames * HOP and abs(frames * HOP / 24_000 - length) <= HOP / 24_000
        assert one["features"][10:, BANDS + 1].all() and not one["features"][:10, BANDS + 1].any()
        np.testing.assert_allclose(one["features"][:, BANDS], np.log(2), atol=1e-3)
        heard = abs(np.fft.rfft(one["audio"][:12_000].astype(np.float64)))
        assert heard.argmax() == 100 and abs(abs(one["audio"][3000:-3000]).max() - 16384) < 200  # 2 Hz a bin
