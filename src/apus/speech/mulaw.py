"""Samples as 8-bit codes: pre-emphasis, then mu-law, so that the noise of 256 levels lies under the speech.

y[t] = x[t] - a x[t-1];  code = round(128 + 127.5 sign(y) ln(1 + 255 |y|) / ln 256).  Source: ITU-T G.711 (mu = 255);
pre-emphasis before it as in LPCNet, Valin and Skoglund 2019, arXiv:1810.11846, §3.
"""

import numpy as np
from numpy.typing import NDArray

EMPHASIS = 0.85
LEVELS = 256


def encode(audio: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes of a signal.

    Args:
        audio: (T,) samples within [-1, 1]; beyond it they clip.

    Returns:
        (T,) codes 1..255; silence is 128.

    >>> encode(np.zeros(3, np.float32)).tolist()
    [128, 128, 128]
    """
    return compressed(emphasised(audio))


def emphasised(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """(T,) samples x -> (T,) x[t] - a x[t-1]."""
    x = np.asarray(audio, np.float64)
    y: NDArray[np.float64] = x - EMPHASIS * np.concatenate([[0.0], x[:-1]])
    return y


def compressed(signal: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Codes of what mu-law alone takes, clipped to [-1, 1]."""
    y = np.clip(signal, -1, 1)
    sizes = np.sign(y) * np.log1p(255 * np.abs(y)) / np.log(256)
    codes: NDArray[np.uint8] = np.clip(np.floor(127.5 * sizes + 128.5), 0, 255).astype(np.uint8)
    return codes


def levels() -> NDArray[np.float32]:
    """(256,) the emphasised sample that each code stands for; code 128 is exactly 0.

    >>> float(levels()[128])
    0.0
    """
    compressed = (np.arange(LEVELS) - 128) / 127.5
    sizes: NDArray[np.float64] = np.expm1(np.abs(compressed) * np.log(256)) / 255
    signed: NDArray[np.float32] = (np.sign(compressed) * sizes).astype(np.float32)
    return signed


def decode(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The signal of codes: x[t] = level(code[t]) + a x[t-1], in float32 as the engine computes it.

    Args:
        codes: (T,).

    Returns:
        (T,) samples.

    >>> audio = np.sin(np.arange(240) / 9).astype(np.float32) / 4
    >>> bool(abs(decode(encode(audio)) - audio).max() < 0.03)
    True
    """
    return without_emphasis(levels()[codes])


def without_emphasis(signal: NDArray[np.floating]) -> NDArray[np.float32]:
    """(T,) y -> (T,) x[t] = y[t] + a x[t-1], in float32."""
    audio, last, a = np.empty(len(signal), np.float32), np.float32(0), np.float32(EMPHASIS)
    for t, y in enumerate(signal.astype(np.float32)):
        last = y + a * last
        audio[t] = last
    return audio
