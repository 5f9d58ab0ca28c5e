"""A voice trained here: rhythm and melody, features of every frame, and a vocoder that speaks while they are read.

Files as `apus.export.export_voice` writes them. Facebook's four parts (2020): the front-end is hibari's.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apus._files import existing_file
from apus.errors import DataError
from apus.runtime import Session, WaveGRU
from apus.speech.features import BANDS, FEATURES, HOP, RATE

FIRST, NEXT = 16, 48
"""Frames of 12.5 ms that are spoken at once: few at the begin, so that it comes soon."""
PARTS = ("prosody", "encoder", "decoder")
Floats = NDArray[np.float32]


class TrainedVoice:
    """The networks of one folder.

    Args:
        folder: holds `voice.json`, three `.apus` files and `vocoder.npz`.
        threads: per layer, and of the vocoder's step.

    Raises:
        FileNotFoundError: a file is missing.
        DataError: one is not what it should be.
    """

    def __init__(self, folder: str | os.PathLike[str], threads: int = 1) -> None:
        self.facts = _facts(Path(folder) / "voice.json")
        files = [existing_file(Path(folder) / f"{name}.apus") for name in PARTS]
        self._prosody, self._encoder, self._decoder = (
            Session(str(file), threads=threads, deterministic_plan=True) for file in files
        )
        self._vocoder = WaveGRU(_arrays(existing_file(Path(folder) / "vocoder.npz")), kind=self.facts["kind"])
        self._threads = threads

    def speak(
        self, numbers: list[int], rate: float, pitch: float, seed: list[int]
    ) -> tuple[NDArray[np.float64], Iterator[Floats]]:
        """Say one sentence.

        Args:
            numbers: P phonemes with a pause at both ends.
            rate: factor of the speed.
            pitch: semitones up.
            seed: of the draws.

        Returns:
            (P,) seconds at which each phoneme ends, and the samples, in pieces, as they are made.
        """
        ids = np.array([numbers], np.int64)
        (prosody,) = self._prosody.run(None, {"phonemes": ids})
        counts = whole(np.expm1(prosody[0, :, 0].astype(np.float64)) / rate)
        (encoded,) = self._encoder.run(None, {"phonemes": ids, "prosody": prosody})
        frames = np.repeat(encoded, counts, 1)
        (found,) = self._decoder.run(None, {"frames": frames, "places": places(counts)[None]})
        found[0, :, BANDS] += np.float32(pitch * np.log(2) / 12)
        found[0, :, BANDS + 1] = found[0, :, BANDS + 1] > 0  # a logit, where the vocoder has learnt 0 and 1
        return counts.cumsum() * (HOP / RATE), self._pieces(found[0], seed)

    def _pieces(self, features: Floats, seed: list[int]) -> Iterator[Floats]:
        draws = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        stream, begin = self._vocoder.stream(draws, self._threads), 0
        while begin < len(features):
            end = begin + (FIRST if begin == 0 else NEXT)
            yield stream.push(features[begin:end], last=end >= len(features))
            begin = end


def whole(lengths: NDArray[np.float64]) -> NDArray[np.int64]:
    """(P,) lengths -> (P,) whole ones, each at least 1; what is rounded off is carried on to the next.

    >>> whole(np.array([1.4, 1.4, 1.4, 0.2])).tolist()
    [1, 2, 1, 1]
    """
    ends = np.maximum.accumulate(np.round(np.maximum(lengths, 0).cumsum()).astype(np.int64))
    return np.maximum(np.diff(ends, prepend=0), 1)


def places(counts: NDArray[np.int64]) -> Floats:
    """(P,) frames of each phoneme -> (T, 3), as `apus.models.acoustic.places` has them.

    >>> places(np.array([2, 1])).tolist()[2]
    [0.5, 0.5, 0.05000000074505806]
    """
    length = np.repeat(counts, counts)
    into = np.arange(len(length)) - np.repeat(counts.cumsum() - counts, counts) + 0.5
    return np.stack([into / length, (length - into) / length, length / 20], 1).astype(np.float32)


def _facts(file: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(existing_file(file).read_text("utf-8"))
        return {"kind": str(facts["kind"])} | facts
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{file}: no page of a voice ({error!r}); write it with apus.export.export_voice") from error


def _arrays(file: Path) -> dict[str, Floats]:
    try:
        with np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name].astype(np.float32) for name in found.files}
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{file}: no arrays of a vocoder ({error}); write it with apus.export.export_voice") from error
    if "wide" not in arrays or len(arrays["wide"]) != 3 * FEATURES:
        raise DataError(f"{file}: its vocoder does not take {FEATURES} features")
    return arrays
