"""Codes and back."""

import numpy as np

from apus.speech import mulaw


def test_every_level_survives() -> None:
    assert (mulaw.levels()[128], len(set(mulaw.levels().tolist()))) == (0, 256)
    assert mulaw.encode(mulaw.decode(np.arange(100, 156, dtype=np.uint8))).tolist() == list(range(100, 156))


def test_the_noise_is_small_beside_the_signal() -> None:
    t = np.arange(24000) / 24000
    audio = (0.3 * np.sin(2 * np.pi * 220 * t) + 0.05 * np.sin(2 * np.pi * 2500 * t)).astype(np.float32)
    noise = mulaw.decode(mulaw.encode(audio)) - audio
    assert 10 * np.log10((audio**2).mean() / (noise**2).mean()) > 25


def test_loud_signals_clip() -> None:
    assert mulaw.encode(np.array([5.0, -9.0], np.float32)).tolist() == [255, 1]
