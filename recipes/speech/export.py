"""`python -m recipes.speech.export`: a folder that `apus say --model` speaks with, of what was trained."""

import argparse
import math
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from apus._files import existing_file
from apus.errors import DataError
from apus.export import export_voice
from apus.runtime.wavegru import KINDS
from apus.speech.features import BANDS
from recipes.speech.corpus import default_folder, read
from recipes.speech.vocoder import restored
from recipes.speech.voice import Voice, tensors

FACTS = {
    "name": "Apus",
    "licence": "Apache-2.0",
    "voice": "synthetic: learnt from hibari-tts (Apache-2.0), an American woman who is no person",
    "texts": "sentences of news and reviews that come with VADER (MIT), spoken by hibari-tts",
}
SHARPENED = {1: (), 4: (2.5, 1.8, 1.5, 1.3)}
"""Factors of the logits, by bands; chosen on sentences that were learnt from."""
HEARD = 100
"""Sentences that the melody's height is set by."""


def main() -> None:
    """Export once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", type=Path, default=Path("runs/speech/voice"), help="what recipes.speech.voice made")
    parser.add_argument("--corpus", type=Path, default=default_folder(), help="what recipes.speech.corpus made")
    parser.add_argument("--vocoder", type=Path, required=True, help="what recipes.speech.vocoder made")
    parser.add_argument("--kind", choices=KINDS, default="block16-int8", help="how the vocoder runs")
    parser.add_argument("--out", type=Path, required=True, help="the folder to be written")
    options = parser.parse_args()
    voice = Voice()
    state = torch.load(existing_file(options.voice / "checkpoint.pt"), weights_only=True)
    voice.load_state_dict(state["net"])
    raised = centre(voice.eval(), islice(read(options.corpus, held_out=False), HEARD))
    vocoder = restored(options.vocoder / "checkpoint.pt")
    facts = FACTS | {"kind": options.kind, "sharpened": SHARPENED[vocoder.bands], "raised": round(raised, 4)}
    export_voice(options.out, voice.prosody, voice.acoustic, vocoder, facts, SHARPENED[vocoder.bands])
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(f"{options.out}: {size / 1e6:.1f} MB")


@torch.no_grad()
def centre(voice: Voice, sentences: Iterable[dict[str, Any]]) -> float:
    """Raise the melody so that its median is that of sentences learnt from, and say by what factor.

    The prosody model learns the likeliest pitch of each phoneme, so it leaves out what stands out, and that is high.

    Raises:
        DataError: in the sentences, or in what is made of them, nothing is voiced.
    """
    said, recorded = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for one in sentences:
        said.append(_melody(voice.predict(tensors(one)["phonemes"])[1].numpy()))
        recorded.append(_melody(one["features"]))
    known, found = np.concatenate(recorded), np.concatenate(said)
    if not len(known) or not len(found):
        raise DataError("nothing voiced to set the melody's height by; is the corpus whole, the voice trained?")
    rise = float(np.median(known) - np.median(found))
    voice.prosody.out.bias[1] += rise
    return math.exp(rise)


def _melody(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(V,) ln(f0 / 200) of the voiced of (T, 26) frames."""
    found: NDArray[np.float32] = features[features[:, BANDS + 1] > 0, BANDS]
    return found


if __name__ == "__main__":
    main()
