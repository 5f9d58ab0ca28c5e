"""What speech is judged by, on signals whose answer is known."""

import numpy as np
import pytest
from benchmarks.speech.judges import cepstral_distortion, interval

from apus.speech.features import BANDS, bark_filters

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=24_000).astype(np.float32)


def test_loudness_is_no_distortion() -> None:
    assert cepstral_distortion(NOISE, 2 * NOISE) < 1e-3


def test_distortion_is_the_rms_difference_in_db() -> None:
    """A filter whose gain falls by 12 dB halfway: +-6 dB about the mean, in almost every band."""
    spectrum = np.fft.rfft(NOISE)
    middle = int(bark_filters()[BANDS // 2 - 1 : BANDS // 2 + 1].argmax(1).mean()) / 513
    spectrum[int(middle * len(spectrum)) :] *= 10 ** (-12 / 20)
    found = cepstral_distortion(np.fft.irfft(spectrum, len(NOISE)).astype(np.float32), NOISE)
    assert found == pytest.approx(6, abs=0.2)


def test_the_interval_holds_the_rate() -> None:
    wrong, words = RNG.integers(0, 3, 200).astype(float), np.full(200, 10.0)
    rate, low, high = interval(wrong, words)
    assert low < rate == wrong.sum() / 2000 < high
