"""From what hibari's network says of each frame to samples: pulses, noise and free tones, shaped in the spectrum.

Each frame has a spectrum of 601 bins (hibari-tts 0.2, `hibari.dsp`), which `apus.runtime.SpectralSynthesis` shapes: its
source are pulses at the pitch, the rest comes from the network. Frames are 1,200 samples long and begin 300 apart.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from apus.runtime import SpectralSynthesis
from apus.speech.features import HOP, RATE

OVERLAP = 4
LENGTH = HOP * OVERLAP
BINS = LENGTH // 2 + 1
VOICED_HZ, HIGHEST_HZ = 40.0, 11000.0
PEAK = 2e-3
"""Of 2 sin(t / 2); below it the sum is as good as at 0."""
Floats = NDArray[np.float32]


def synthesize(heads: Floats, f0: Floats, rng: np.random.Generator) -> Floats:
    """Samples of a sentence.

    Args:
        heads: (T, 5 · 601) of each frame: h, θ, n, r and φ.
        f0: (T,) Hz; below 40 there is no voice.
        rng: of the noise.

    Returns:
        (300 T,) samples at 24 kHz.
    """
    source = np.pad(pulses(f0), LENGTH // 2, mode="reflect")
    sound = _shaping()(source, heads, int(rng.integers(2**32)))
    sound /= _overlap(len(f0))
    return sound[LENGTH // 2 :][: len(f0) * HOP]


@lru_cache(maxsize=1)
def _shaping() -> SpectralSynthesis:
    return SpectralSynthesis(HOP, OVERLAP)


def pulses(f0: Floats) -> Floats:
    """A train of pulses: every harmonic below 11 kHz, each as loud, silent where there is no voice.

    Σ_{k=1..K} cos(k t) = sin((K + 1/2) t) / (2 sin(t / 2)) - 1/2

    Args:
        f0: (T,) Hz, of the middle of each frame; in between it glides.

    Returns:
        (300 T,) samples.

    >>> round(float(pulses(np.full(8, 100, np.float32)).max()))
    110
    """
    pitch = _glide(f0)
    voiced = pitch > VOICED_HZ
    np.maximum(pitch, np.float32(VOICED_HZ), out=pitch)
    turns = np.cumsum(pitch, dtype=np.float64)
    turns /= RATE
    turns -= np.floor(turns)
    half = turns.astype(np.float32)
    half *= np.float32(np.pi)
    count = np.floor(np.float32(HIGHEST_HZ) / pitch)
    low = np.sin(half)
    low *= 2
    peak = np.abs(low) < PEAK
    half *= 2 * count + 1
    made = np.sin(half, out=half)
    low[peak] = 1
    made /= low
    made[peak] = count[peak] + np.float32(0.5)
    made -= np.float32(0.5)
    made *= voiced
    return made


def _glide(f0: Floats) -> Floats:
    """(T,) of the middle of each frame -> (300 T,), straight lines in between."""
    near = np.pad(f0, 1, mode="edge").astype(np.float32)[:, None]
    late = ((np.arange(HOP) + 0.5) / HOP).astype(np.float32)
    first, second, made = late[: HOP // 2], late[HOP // 2 :], np.empty((len(f0), HOP), np.float32)
    made[:, : HOP // 2] = near[:-2] * (0.5 - first) + near[1:-1] * (0.5 + first)
    made[:, HOP // 2 :] = near[1:-1] * (1.5 - second) + near[2:] * (second - 0.5)
    return made.reshape(-1)


@lru_cache(maxsize=8)
def _overlap(frames: int) -> Floats:
    """(300 (T + 3),) what the windows of all frames add up to, squared, less at both ends."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(LENGTH) / LENGTH)
    total = np.zeros((frames + OVERLAP - 1, HOP), np.float32)
    for place, part in enumerate((window**2).reshape(OVERLAP, HOP)):
        total[place : place + frames] += part
    return np.maximum(total, np.float32(1e-11)).reshape(-1)
