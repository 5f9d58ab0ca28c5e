"""Samples as bytes: 16-bit PCM, and WAV files of it."""

import struct

import numpy as np
from numpy.typing import NDArray

OPEN_ENDED = 0xFFFFFFFF - 36
"""Bytes that a WAV of unknown length declares; players read on until the end."""


def pcm(samples: NDArray[np.float32]) -> bytes:
    """Samples within [-1, 1] as signed 16 bits, little-endian; beyond it they clip.

    >>> pcm(np.array([0, 1, -2], np.float32)).hex()
    '0000ff7f0180'
    """
    held = np.clip(samples, -1, 1)
    return np.round(held * np.float32(32767)).astype("<i2").tobytes()


def header(rate: int, count: int | None) -> bytes:
    """The 44 bytes before mono 16-bit samples.

    Args:
        rate: samples a second.
        count: of samples; None while it is not known.

    Returns:
        RIFF, `fmt ` and the begin of `data`.
    """
    size = OPEN_ENDED if count is None else 2 * count
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form + struct.pack("<4sI", b"data", size)


def wav(samples: NDArray[np.float32], rate: int) -> bytes:
    """A whole WAV file of mono samples.

    >>> len(wav(np.zeros(10, np.float32), 24000))
    64
    """
    return header(rate, len(samples)) + pcm(samples)
