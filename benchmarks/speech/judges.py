"""Who judges speech besides the recogniser: a network that has learnt listeners' opinions, measures of melody and
spectra.

`pip install --no-deps distillmos==0.9.1 xls-r-sqa==0.1.0 praat-parselmouth==0.4.7`: Distill-MOS and Praat.
"""

import sys
from functools import cache
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recipes.speech.recogniser import at_16_khz
from recipes.speech.recorded import REACH_HZ

from apus.speech.features import BANDS, HOP, RATE, cepstra

Floats = NDArray[np.float32]
BOOTSTRAPS = 2000


def opinion(audio: Floats) -> float:
    """What listeners would say of it, 1 to 5, as Distill-MOS guesses (Stahl and Gamper 2025, arXiv:2502.05356).

    Args:
        audio: (T,) at 24 kHz.
    """
    with torch.inference_mode():
        return float(_listener()(torch.from_numpy(at_16_khz(audio))[None]))


def melody(audio: Floats) -> Floats:
    """(V,) Hz of the frames of 12.5 ms that Praat finds voiced.

    Args:
        audio: (T,) at 24 kHz.
    """
    import parselmouth

    pitch = parselmouth.Sound(audio.astype(np.float64), RATE).to_pitch(HOP / RATE, *REACH_HZ)
    found = pitch.selected_array["frequency"]
    return found[found > 0].astype(np.float32)


@cache
def _listener() -> Any:
    # It imports torchaudio, of which torch's CPU build has none, only to read files, which it never does here.
    sys.modules.setdefault("torchaudio", ModuleType("torchaudio")).__spec__ = ModuleSpec("torchaudio", None)
    from distillmos import ConvTransformerSQAModel

    return ConvTransformerSQAModel().eval()


def cepstral_distortion(ours: Floats, wanted: Floats) -> float:
    """Mel-cepstral distortion in dB, on the Bark cepstra that the vocoder is told, without the first; equal lengths.

    Kubichek's 20 / ln 10 times the RMS difference of two log amplitude spectra, warped, their loudness left out. These
    cepstra are an orthonormal DCT of log10 of a power: the squares of 24 of them add up to 24 times the mean square.
    """
    difference = (cepstra(ours) - cepstra(wanted))[:, 1:]
    return float(10 * np.sqrt((difference**2).sum(1) / BANDS).mean())


def interval(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float, float]:
    """Sum of values over sum of weights, and its 95 % interval by resampling sentences.

    >>> interval(np.array([1.0, 0.0]), np.array([2.0, 2.0]))[0]
    0.25
    """
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, len(values), (BOOTSTRAPS, len(values)))
    ratios = values[chosen].sum(1) / weights[chosen].sum(1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(values.sum() / weights.sum()), float(low), float(high)
