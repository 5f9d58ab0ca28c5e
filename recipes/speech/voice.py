"""`python -m recipes.speech.voice`: train the prosody and the acoustic model on the corpus, a sentence at a time.

The acoustic model learns from the recorded prosody; what it makes of the predicted one is scored apart.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apus.errors import DataError
from apus.models.acoustic import Acoustic
from apus.models.prosody import Prosody, targets
from apus.speech.features import BANDS
from recipes.speech.corpus import default_folder, read
from recipes.speech.steps import ranks_here, train

SENTENCES = 8
SCORED = 20


class Voice(nn.Module):
    """Both models, trained side by side; no gradient goes from one to the other."""

    def __init__(self) -> None:
        super().__init__()
        self.prosody, self.acoustic = Prosody(), Acoustic()

    def losses(self, one: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Of prosody and of acoustics, for one sentence."""
        wanted = targets(one["durations"], one["features"])
        said = self.prosody(one["phonemes"][None])[0]
        found = self.acoustic(one["phonemes"][None], one["durations"][None], wanted[None])[0]
        return prosody_loss(said, wanted), acoustic_loss(found, one["features"])

    def predict(self, phonemes: Tensor) -> tuple[Tensor, Tensor]:
        """(P,) phonemes -> (P,) frames of each and (T, 26) features, all predicted."""
        prosody = self.prosody(phonemes[None])
        durations = torch.expm1(prosody[0, :, 0]).round().clamp(min=1).long()
        return durations, self.acoustic(phonemes[None], durations[None], prosody)[0]


def prosody_loss(said: Tensor, wanted: Tensor) -> Tensor:
    """L1 of ln(1 + frames), loudness and voicing; of the melody, as far as a phoneme is voiced."""
    voiced = wanted[:, 3]
    melody = (voiced * (said[:, 1] - wanted[:, 1]).abs()).sum() / voiced.sum().clamp(min=1)
    rest = F.l1_loss(said[:, [0, 2, 3]], wanted[:, [0, 2, 3]], reduction="none").mean(0)
    return rest[0] + 5 * melody + rest[1] + rest[2]


def acoustic_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """L1 of the cepstra, of the melody where there is one, and the cross entropy of voicing."""
    voiced = wanted[:, BANDS + 1]
    melody = (voiced * (found[:, BANDS] - wanted[:, BANDS]).abs()).sum() / voiced.sum().clamp(min=1)
    voicing = F.binary_cross_entropy_with_logits(found[:, BANDS + 1], voiced)
    return (found[:, :BANDS] - wanted[:, :BANDS]).abs().sum(1).mean() + 10 * melody + voicing


def tensors(one: dict[str, Any]) -> dict[str, Any]:
    """A sentence of the corpus as torch wants it."""
    return {
        "phonemes": torch.from_numpy(one["phonemes"]).long(),
        "durations": torch.from_numpy(one["durations"]).long(),
        "features": torch.from_numpy(one["features"]).float(),
    }


@torch.no_grad()
def score(voice: Voice, held: list[dict[str, Any]]) -> dict[str, float]:
    """Mean losses of held-out sentences, and by how much the predicted length is off, in %."""
    pairs = [voice.losses(one) for one in held]
    said = sum(int(voice.predict(one["phonemes"])[0].sum()) for one in held)
    true = sum(int(one["durations"].sum()) for one in held)
    prosody, acoustic = (float(torch.stack(part).mean()) for part in zip(*pairs, strict=True))
    return {"prosody": prosody, "acoustic": acoustic, "length_off_pct": 100 * abs(said / true - 1)}


def main() -> None:
    """Train one sitting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=default_folder())
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and log")
    parser.add_argument("--steps", type=int, default=8000, help="of 8 sentences each, of the whole training")
    parser.add_argument("--minutes", type=float, default=60, help="of this sitting; run again to go on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    held = [tensors(one) for one in read(options.corpus, held_out=True)][:SCORED]
    known = [tensors(one) for one in read(options.corpus, held_out=False)]
    if not held:
        raise DataError(f"{options.corpus} holds too few sentences; build a larger corpus")
    voice, ranks = Voice(), ranks_here()

    def batch(step: int) -> Tensor:
        chosen = torch.randperm(len(known), generator=torch.Generator().manual_seed(step))[
            ranks.rank : SENTENCES : ranks.world
        ]
        return torch.stack([sum(voice.losses(known[i]), torch.zeros(())) for i in chosen.tolist()]).mean()

    train(voice, batch, options.out, steps=options.steps, rate=1e-3, minutes=options.minutes,
          score=lambda: score(voice, held))  # fmt: skip


if __name__ == "__main__":
    main()
