"""Sound from spectra against NumPy's transforms, on every ISA."""

import numpy as np
import pytest

from apus.errors import RunError
from apus.runtime import SpectralSynthesis, isas

QUIET = -100


def expected(source: np.ndarray, heads: np.ndarray, hop: int, overlap: int) -> np.ndarray:
    """Without noise."""
    length = hop * overlap
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    h, theta, _, r, phi = np.split(heads.astype(np.float64), 5, axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(source, length)[::hop][: len(heads)]
    pulses = np.fft.rfft(frames * window * 4 / length)
    spectra = np.exp(np.minimum(h, 7) + 1j * np.pi * np.tanh(theta)) * pulses + np.exp(np.minimum(r, 7) + 1j * phi)
    sound = np.zeros((len(heads) + overlap - 1) * hop)
    for t, frame in enumerate(np.fft.irfft(spectra, length) * window):
        sound[t * hop : t * hop + length] += frame
    return sound


def random(frames: int, hop: int, overlap: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    bins = hop * overlap // 2 + 1
    heads = rng.normal(0, 2, (frames, 5, bins)).astype(np.float32)
    heads[:, 2] = QUIET
    heads[:, 4] *= 20
    return rng.standard_normal((frames + overlap) * hop).astype(np.float32), heads.reshape(frames, 5 * bins)


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize(("hop", "overlap"), [(300, 4), (64, 4), (50, 2), (4, 1), (12, 16), (45, 4)])
def test_it_is_numpys(isa: str, hop: int, overlap: int) -> None:
    synthesis = SpectralSynthesis(hop, overlap, isa)
    for frames in (0, 1, 15, 16, 17, 50):
        source, heads = random(frames, hop, overlap, frames)
        want = expected(source, heads, hop, overlap)
        got = synthesis(source, heads)
        assert got.dtype == np.float32 and got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=3e-4 * abs(want).max(initial=1e-9))
        np.testing.assert_array_equal(got, SpectralSynthesis(hop, overlap, "scalar")(source, heads))


def test_noise_is_white_and_of_variance_one() -> None:
    hop, overlap, frames = 64, 4, 4000
    bins = hop * overlap // 2 + 1
    heads = np.full((frames, 5, bins), QUIET, np.float32)
    heads[:, 2] = 0
    sound = SpectralSynthesis(hop, overlap)(np.zeros((frames + overlap) * hop), heads.reshape(frames, 5 * bins), seed=3)
    inner = sound[overlap * hop : -overlap * hop].astype(np.float64)
    # The inverse of bins of variance 2 has 2 / length a sample; squared windows add up to 1.5.
    assert inner.var() == pytest.approx(1.5 * 2 / (hop * overlap), rel=0.02)
    assert abs(inner.mean()) < 0.02 * inner.std()
    assert np.mean((inner / inner.std()) ** 4) == pytest.approx(3, abs=0.1)
    assert all(abs(np.corrcoef(inner[lag:], inner[:-lag])[0, 1]) < 0.02 for lag in (1, 2, hop, 2 * hop, 16 * hop))


def test_noise_is_of_the_seed_and_the_frame() -> None:
    synthesis, hop, overlap = SpectralSynthesis(64, 4), 64, 4
    source, heads = random(40, hop, overlap)
    heads[:, 2 * 129 : 3 * 129] = 0
    whole, short = synthesis(source, heads, 7), synthesis(source[: (25 + overlap) * hop], heads[:25], 7)
    np.testing.assert_array_equal(whole[: 25 * hop], short[: 25 * hop])
    np.testing.assert_array_equal(whole, synthesis(source, heads, 7))
    assert not np.array_equal(whole, synthesis(source, heads, 8))


def test_loud_heads_stay_finite() -> None:
    source, heads = random(3, 300, 4)
    heads[:] = 1e30
    assert np.isfinite(SpectralSynthesis(300, 4)(source, heads)[:300]).all()


def test_what_does_not_fit_is_refused_by_name() -> None:
    for hop, overlap in ((7, 4), (0, 4), (300, 0), (300, 17), (3, 2)):
        with pytest.raises(RunError, match="prime factors"):
            SpectralSynthesis(hop, overlap)
    with pytest.raises(RunError, match="avx1024"):
        SpectralSynthesis(300, 4, "avx1024")
    synthesis = SpectralSynthesis(300, 4)
    source, heads = random(2, 300, 4)
    with pytest.raises(RunError, match="1800 are needed"):
        synthesis(source[:-1], heads)
    with pytest.raises(RunError, match="3005 are needed"):
        synthesis(source, heads[:, :-1])
    with pytest.raises(RunError, match="seed=-1"):
        synthesis(source, heads, -1)
    with pytest.raises(RunError, match="shape"):
        synthesis(source, heads[0])
