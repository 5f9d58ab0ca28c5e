"""Sound from spectra, against hibari's own code."""

import numpy as np
import pytest
from hibari import dsp

from apus.speech import synthesis


class Silent:
    """Draws of which nothing is heard."""

    def standard_normal(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        return np.zeros(shape, dtype)


@pytest.mark.parametrize("frames", [3, 64, 200])
def test_it_sounds_as_hibari_does(frames: int) -> None:
    rng = np.random.default_rng(frames)
    f0 = np.where(rng.random(frames) < 0.2, 0, 80 + 200 * rng.random(frames)).astype(np.float32)
    heads = (rng.standard_normal((frames, 5 * synthesis.BINS)) - 3).astype(np.float32)
    theirs = dsp.synth(*heads.T.reshape(5, synthesis.BINS, -1), f0, Silent())
    heads[:, 2 * synthesis.BINS : 3 * synthesis.BINS] = -30  # of the noise
    ours = synthesis.synthesize(heads, f0, rng)
    assert ours.dtype == np.float32 and abs(theirs).max() > 0.01
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=3e-4 * abs(theirs).max())


def test_noise_is_as_loud_and_white() -> None:
    heads = np.full((400, 5 * synthesis.BINS), -30, np.float32)
    heads[:, 2 * synthesis.BINS : 3 * synthesis.BINS] = -2
    f0 = np.zeros(400, np.float32)
    ours = synthesis.synthesize(heads, f0, np.random.default_rng(0))
    theirs = dsp.synth(*heads.T.reshape(5, synthesis.BINS, -1), f0, np.random.default_rng(0))
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    assert np.mean((ours / ours.std()) ** 4) == pytest.approx(3, abs=0.1)  # normal
    assert abs(np.corrcoef(ours[1:], ours[:-1])[0, 1]) < 0.02
    np.testing.assert_array_equal(ours, synthesis.synthesize(heads, f0, np.random.default_rng(0)))
