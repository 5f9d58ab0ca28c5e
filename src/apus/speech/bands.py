"""Samples as codes of four bands: 8 bits for each 3 kHz, 6,000 times a second: a quarter of the steps for a vocoder.

Pre-emphasis, a bank of four cosine-modulated filters, mu-law of each band. The bank is near-perfect: what it leaves out
is 55 dB below the signal. Source: Nguyen 1994, "Near-perfect-reconstruction pseudo-QMF banks", IEEE Trans. SP 42(1);
the Kaiser prototype is that of Lin and Vaidyanathan 1998, IEEE SPL 5(6). The use in a GRU vocoder: Tian et al. 2020,
FeatherWave, arXiv:2005.05551.
"""

import numpy as np
from numpy.typing import NDArray

from apus.speech.mulaw import compressed, emphasised, levels, without_emphasis

BANDS, TAPS = 4, 64
_CUTOFF, _BETA = 0.1425, 10.0  # of a grid in steps of 0.0005 and 1, those that reconstruct white noise best


def bank(sign: float) -> NDArray[np.float64]:
    """(4, 64) filters: for analysis with `sign` 1, for synthesis with -1.

    >>> bank(1.0).shape
    (4, 64)
    """
    n, k = np.arange(TAPS) - (TAPS - 1) / 2, np.arange(BANDS)[:, None]
    prototype = _CUTOFF * np.sinc(_CUTOFF * n) * np.kaiser(TAPS, _BETA)
    phase = (2 * k + 1) * np.pi / (2 * BANDS) * n + sign * (-1.0) ** k * np.pi / 4
    filters: NDArray[np.float64] = 2 * prototype * np.cos(phase)
    return filters


def synthesis() -> NDArray[np.float32]:
    """(4, 64) what each band adds to the 64 samples from its step on, as float32."""
    found: NDArray[np.float32] = (BANDS * bank(-1.0)).astype(np.float32)
    return found


def encode(audio: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes of a signal, four to a step, the lowest band first.

    Args:
        audio: (T,) samples within [-1, 1], T a multiple of 4.

    Returns:
        (T,) codes 1..255; silence is 128. A step's codes hold the 64 samples from it on; none hold what lies before.

    Raises:
        ValueError: T is no multiple of 4.

    >>> encode(np.zeros(8, np.float32)).tolist()
    [128, 128, 128, 128, 128, 128, 128, 128]
    """
    if len(audio) % BANDS:
        raise ValueError(f"{len(audio)} samples are no multiple of {BANDS}")
    padded = np.concatenate([emphasised(audio), np.zeros(TAPS)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, TAPS)[: len(audio) : BANDS]
    return compressed((windows @ bank(1.0)[:, ::-1].T).reshape(-1))


def decode(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The signal of codes, up to rounding what the engine makes of them.

    Args:
        codes: (T,), four to a step.

    Returns:
        (T,) samples; of the first 64 a part is missing, which steps before the first would have held.

    >>> audio = np.sin(np.arange(2400) / 9).astype(np.float32) / 4
    >>> bool(abs(decode(encode(audio)) - audio)[64:].max() < 0.03)
    True
    """
    steps = levels()[codes].reshape(-1, BANDS)
    audio, filters = np.zeros(len(codes) + TAPS), synthesis()
    for j in range(0, TAPS, BANDS):
        audio[j : j + len(codes)] += (steps @ filters[:, j : j + BANDS]).reshape(-1)
    return without_emphasis(audio[: len(codes)])
