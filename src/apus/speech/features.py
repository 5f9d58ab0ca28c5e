"""What the vocoder is told of a frame: 24 Bark cepstra, log-F0 and voicing, 80 frames a second.

A frame is `HOP` samples, 12.5 ms: the grid on which the recorded voice gives its F0 and its durations, so that nothing
is resampled. The set follows LPCNet (Valin and Skoglund 2019, arXiv:1810.11846, §3), whose 18 bands become 24 here for
24 kHz.
"""

import numpy as np
from numpy.typing import NDArray

RATE = 24000
HOP = 300
BANDS = 24
FEATURES = BANDS + 2
WINDOW = 600
REFERENCE_HZ = 200.0
VOICED_HZ = 40.0
_FFT = 1024


def features(audio: NDArray[np.float32], f0: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of a signal whose F0 is known.

    Args:
        audio: (T * HOP,) samples.
        f0: (T,) Hz by frame; below 40 it is unvoiced.

    Returns:
        (T, 26): cepstra of the log Bark energies, ln(f0 / 200) with gaps bridged, voicing 0 or 1.

    Raises:
        ValueError: the lengths do not fit.

    >>> features(np.zeros(900, np.float32), np.zeros(3, np.float32)).shape
    (3, 26)
    """
    if len(audio) != len(f0) * HOP:
        raise ValueError(f"{len(audio)} samples are not {len(f0)} frames of {HOP}")
    voiced = f0 >= VOICED_HZ
    return np.column_stack([cepstra(audio), _bridged(f0, voiced), voiced]).astype(np.float32)


def cepstra(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bark cepstra of each frame, from a Hann window of 25 ms about its middle.

    Args:
        audio: (T * HOP,) samples.

    Returns:
        (T, 24): the orthonormal DCT-II of log10 of the band energies.
    """
    margin = (WINDOW - HOP) // 2
    padded = np.pad(np.asarray(audio, np.float32), margin)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), _FFT)) ** 2
    energies = np.log10(power @ bark_filters().T + 1e-6)
    found: NDArray[np.float32] = (energies @ dct().T).astype(np.float32)
    return found


def bark_filters() -> NDArray[np.float64]:
    """(24, 513) triangles that overlap by half, evenly spaced on the Bark scale (Traunmüller 1990) up to 12 kHz."""
    hz = np.fft.rfftfreq(_FFT, 1 / RATE)
    bark = 26.81 * hz / (1960 + hz) - 0.53
    centres = np.linspace(bark[0], bark[-1], BANDS)
    step = centres[1] - centres[0]
    triangles = np.maximum(0, 1 - np.abs(bark - centres[:, None]) / step)
    filters: NDArray[np.float64] = triangles / triangles.sum(1, keepdims=True)
    return filters


def dct() -> NDArray[np.float64]:
    """(24, 24) the orthonormal DCT-II; its transpose is its inverse."""
    n = np.arange(BANDS)
    matrix = np.cos(np.pi * n[:, None] * (n + 0.5) / BANDS) * np.sqrt(2 / BANDS)
    matrix[0] /= np.sqrt(2)
    found: NDArray[np.float64] = matrix
    return found


def _bridged(f0: NDArray[np.float32], voiced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """ln(f0 / 200), straight lines over what is unvoiced."""
    if not voiced.any():
        return np.zeros(len(f0))
    places = np.flatnonzero(voiced)
    bridged: NDArray[np.float64] = np.interp(np.arange(len(f0)), places, np.log(f0[places] / REFERENCE_HZ))
    return bridged
