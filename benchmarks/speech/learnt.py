"""What `recipes.speech` has trained so far, ready to speak."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recipes.speech.export import SHARPENED
from recipes.speech.vocoder import encoded, restored

from apus.export import wavegru_arrays
from apus.runtime import WaveGRU
from apus.speech import Voice
from benchmarks.speech.rungs import bits

FOLDER = Path("runs/speech")
DENSE = "vocoder-dense"
KINDS = {
    DENSE: ("dense", "dense", "accurate"),
    "vocoder-dense-fast": ("dense", "dense", "fast"),
    "vocoder-unstructured": ("unstructured", "csr", "fast"),
    "vocoder-16x1": ("16x1", "block16", "fast"),
    "vocoder-16x1-int8": ("16x1", "block16-int8", "fast"),
}
"""By name: the training, and how it runs."""
VOICES = {"voice-dense": "voice-dense", "voice": "voice-16x1"}
"""By name: the folder that `recipes.speech.export` wrote."""
SCORED = 20
"""Sentences whose codes are counted in bits."""


@dataclass(frozen=True)
class Vocoder:
    """One that says again what was said (copy synthesis), from logits as sharp as the shipped voice's.

    Attributes:
        net: with the logits that it learnt, for what a code costs.
        sharp: speaks.
    """

    net: WaveGRU
    sharp: WaveGRU

    def copy(self, one: dict[str, Any]) -> NDArray[np.float32]:
        """(T, 26) features of a recording -> samples as many as it had."""
        return self.sharp.speak(one["features"].astype(np.float32))


def vocoders() -> dict[str, Vocoder]:
    """By name."""
    found = {}
    for name, (folder, kind, activations) in KINDS.items():
        if (file := FOLDER / folder / "checkpoint.pt").exists():
            net = restored(file)
            both = (wavegru_arrays(net), wavegru_arrays(net, SHARPENED[net.bands]))
            found[name] = Vocoder(*(WaveGRU(arrays, kind=kind, activations=activations) for arrays in both))
        else:
            print(f"{name}: no {file}; train it with recipes.speech.vocoder", flush=True)
    return found


def speakers() -> dict[str, Voice]:
    """Whole voices, by name."""
    return {name: Voice(FOLDER / folder) for name, folder in VOICES.items() if (FOLDER / folder).exists()}


def bits_of_codes(vocoder: Vocoder, held: list[dict[str, Any]]) -> float:
    """Mean bits a code, teacher-forced, over the first sentences."""
    total = count = 0.0
    for one in held[:SCORED]:
        codes = encoded(one["audio"], vocoder.net.bands)
        _, logits = vocoder.net.force(one["features"].astype(np.float32), codes)
        total, count = total + bits(logits, codes) * len(codes), count + len(codes)
    return total / count
