"""Features of a frame."""

import numpy as np
import pytest

from apus.speech.features import BANDS, HOP, RATE, bark_filters, cepstra, dct, features


def test_a_tone_stands_in_its_band() -> None:
    t = np.arange(20 * HOP) / RATE
    for hz in (200, 1000, 4000, 9000):
        energies = cepstra(np.sin(2 * np.pi * hz * t).astype(np.float32)) @ dct()
        peak = bark_filters()[energies[10].argmax()].argmax() * RATE / 1024
        assert abs(peak - hz) < 0.15 * hz + 60


def test_a_frame_sees_its_own_samples() -> None:
    audio = np.zeros(10 * HOP, np.float32)
    audio[5 * HOP + HOP // 2] = 1
    assert cepstra(audio)[:, 0].argmax() == 5


def test_pitch_is_bridged_over_silence() -> None:
    found = features(np.zeros(4 * HOP, np.float32), np.array([100, 0, 0, 400], np.float32))
    np.testing.assert_allclose(np.exp(found[:, BANDS]) * 200, [100, 158.74, 251.98, 400], rtol=1e-4)
    assert found[:, BANDS + 1].tolist() == [1, 0, 0, 1]


def test_lengths_must_fit() -> None:
    with pytest.raises(ValueError, match="are not 2 frames of 300"):
        features(np.zeros(900, np.float32), np.zeros(2, np.float32))
