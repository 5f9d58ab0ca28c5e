"""`python -m recipes.speech.recorded`: a human speaker's corpus, 21 minutes, to adapt a vocoder to.

The speaker is Allison Smith, who reads Asterisk's prompts (CC-BY-SA 3.0, so is what is made of them; recipes.pitch
.recordings). They have 16 kHz: above 8 kHz there is nothing. Praat finds the melody; nobody has aligned phonemes, so a
vocoder can learn from this, prosody and acoustics cannot. `pip install G722`, and `--no-deps praat-parselmouth==0.4.7`.

`python -m recipes.speech.vocoder --start CHECKPOINT --corpus FOLDER …` goes on from a vocoder of another speaker.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from apus._files import write_atomically
from apus.data.fetch import cache_folder
from apus.speech.features import HOP, RATE, features
from recipes.pitch.recordings import clips
from recipes.speech.corpus import SHARD, shard

Floats = NDArray[np.float32]
REACH_HZ = 75.0, 500.0
"""Of the pitch that is looked for."""


class Recorded:
    """Says again what was recorded.

    Args:
        recordings: (T,) samples at 16 kHz of each.
        melody: (S,) samples at 24 kHz -> (S / 300,) Hz by frame, 0 where there is no voice.
    """

    def __init__(self, recordings: Sequence[Floats], melody: Callable[[Floats], Floats]) -> None:
        self.recordings, self.melody = recordings, melody

    def say(self, text: str, seed: int) -> dict[str, Any]:
        """The recording of that number, in whole frames, no phonemes."""
        audio = resample_poly(self.recordings[seed], 3, 2).astype(np.float32)
        audio = audio[: len(audio) // HOP * HOP].clip(-1, 1)
        known = features(audio, self.melody(audio)).astype(np.float16)
        none = np.zeros(0, np.uint8)
        return {"phonemes": none, "durations": none, "audio": np.int16(np.round(audio * 32767)), "features": known}


def praat(audio: Floats) -> Floats:
    """Hz at the middle of each frame of (S,) samples at 24 kHz, 0 where Praat hears no voice."""
    import parselmouth

    pitch = parselmouth.Sound(audio.astype(np.float64), RATE).to_pitch(HOP / RATE, *REACH_HZ)
    middles = (np.arange(len(audio) // HOP) + 0.5) * HOP / RATE
    return np.nan_to_num(np.array([pitch.get_value_at_time(t) for t in middles], np.float32))


def build(folder: Path, speaker: Recorded) -> float:
    """Write all shards; hours of them."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(speaker.recordings)
    for first in range(0, count, SHARD):
        nameless = [""] * (min(count, first + SHARD) - first)
        write_atomically(folder / f"{first // SHARD:04d}.npz", shard(speaker, nameless, first))
    return sum(map(len, speaker.recordings)) / 16_000 / 3600


def main() -> None:
    """Build and say what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=cache_folder() / "speech-recorded", help="folder of the shards")
    options = parser.parse_args()
    print(f"{60 * build(options.out, Recorded(clips(), praat)):.1f} minutes in {options.out}")


if __name__ == "__main__":
    main()
