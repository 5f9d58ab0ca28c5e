"""Codes of four bands: what they lose, and that each band hears its own three kilohertz."""

import numpy as np
import pytest

from apus.speech.bands import BANDS, TAPS, bank, decode, encode, synthesis
from apus.speech.features import RATE


def test_the_bank_gives_back_what_it_takes() -> None:
    x = np.random.default_rng(0).standard_normal(8000)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([x, np.zeros(TAPS)]), TAPS)[: len(x) : BANDS]
    levels, y = windows @ bank(1.0)[:, ::-1].T, np.zeros(len(x) + TAPS)
    for step, level in enumerate(levels):
        y[BANDS * step : BANDS * step + TAPS] += level @ synthesis()
    error = (y[: len(x)] - x)[TAPS:]
    assert 10 * np.log10((error**2).mean() / (x**2).mean()) < -50


@pytest.mark.parametrize("band", range(BANDS))
def test_a_tone_is_heard_in_its_band(band: int) -> None:
    tone = 0.3 * np.sin(2 * np.pi * (3000 * band + 1500) * np.arange(4800) / RATE)
    sizes = np.abs(encode(tone.astype(np.float32)).reshape(-1, BANDS)[20:-20].astype(float) - 128).max(0)
    assert sizes.argmax() == band and np.delete(sizes, band).max() <= 2


def test_codes_keep_35_db() -> None:
    rng, t = np.random.default_rng(0), np.arange(RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 190 * k * t + k) / k for k in range(1, 40)) * (1 + np.sin(9 * t)) / 12
    audio = (voice + 0.003 * rng.standard_normal(len(t))).astype(np.float32)
    error = (decode(encode(audio)) - audio)[TAPS:]
    assert 10 * np.log10((audio**2).mean() / (error**2).mean()) > 35


def test_a_length_that_is_no_number_of_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="10 samples are no multiple of 4"):
        encode(np.zeros(10, np.float32))
