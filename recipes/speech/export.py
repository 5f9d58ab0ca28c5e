"""`python -m recipes.speech.export`: a folder that `apus say --model` speaks with, of what was trained."""

import argparse
from pathlib import Path

import torch

from apus._files import existing_file
from apus.export import export_voice
from apus.runtime.wavegru import KINDS
from recipes.speech.vocoder import restored
from recipes.speech.voice import Voice

FACTS = {
    "name": "Apus",
    "licence": "Apache-2.0",
    "voice": "synthetic: learnt from hibari-tts (Apache-2.0), an American woman who is no person",
    "texts": "sentences of news and reviews that come with VADER (MIT), spoken by hibari-tts",
}
SHARPENED = {1: (), 4: (2.5, 1.8, 1.5, 1.3)}
"""Factors of the logits, by bands; chosen on sentences that were learnt from."""


def main() -> None:
    """Export once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", type=Path, default=Path("runs/speech/voice"), help="what recipes.speech.voice made")
    parser.add_argument("--vocoder", type=Path, required=True, help="what recipes.speech.vocoder made")
    parser.add_argument("--kind", choices=KINDS, default="block16-int8", help="how the vocoder runs")
    parser.add_argument("--out", type=Path, required=True, help="the folder to be written")
    options = parser.parse_args()
    voice = Voice()
    state = torch.load(existing_file(options.voice / "checkpoint.pt"), weights_only=True)
    voice.load_state_dict(state["net"])
    vocoder = restored(options.vocoder / "checkpoint.pt")
    facts = FACTS | {"kind": options.kind, "sharpened": SHARPENED[vocoder.bands]}
    export_voice(options.out, voice.prosody, voice.acoustic, vocoder, facts, SHARPENED[vocoder.bands])
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(f"{options.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
