"""`python -m recipes.speech.vocoder`: train WaveGRU on the corpus, dense, or pruned and taught by a dense one.

Teacher forcing on `--batch` streams of speech, each carried on where it ended. The inputs get noise, each stream of
another strength, so that the network learns to live with its own mistakes (LPCNet, arXiv:1810.11846, §3.4). A pruned
student learns from the samples and from its teacher's logits alike. `torchrun --nproc_per_node 2 -m
recipes.speech.vocoder …` uses two cores.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from apus._files import existing_file
from apus.errors import DataError
from apus.models.wavegru import HOP, LEVELS, WaveGRU, bits_of, path
from apus.speech import bands as subbands
from apus.speech import mulaw
from apus.speech.features import FEATURES
from apus.techniques.sparsity.schedule import cubic
from apus.training import gains_by_bf16
from recipes.speech.corpus import default_folder, read
from recipes.speech.prune import Pruned
from recipes.speech.steps import ranks_here, train

MARGIN = 2
NOISE = 3.0
"""Levels, at most, of the deviation of what the network hears from what was said."""
EMBEDDING = {1: 64, 4: 32}
"""Width of a code, by bands."""
RECALLED = {1: (0, 0), 4: (25, 7)}
"""The latest codes of the lowest band and those about a period ago, by bands: the ladder's network has none."""
LOWEST = 3.0
"""Weight of the lowest of four bands in the loss: what is wrong there is what one hears."""
SCORED = 8
WHOLE = slice(None)


class Streams:
    """The corpus end to end, read at as many places as a batch has rows.

    Args:
        sentences: with `codes` and `features`.
        net: is to read them; its state is carried in each row.
        batch: rows.
        frames: of each row of a step.
        part: the rows that are read here.

    Raises:
        DataError: the corpus is too short for so many rows.
    """

    def __init__(
        self, sentences: list[dict[str, Any]], net: WaveGRU, batch: int, frames: int, part: slice = WHOLE
    ) -> None:
        codes = np.concatenate([one["codes"] for one in sentences]) if sentences else np.zeros(0, np.uint8)
        known = np.concatenate([one["features"] for one in sentences]) if sentences else np.zeros((0, FEATURES))
        self.codes, self.features = torch.from_numpy(codes), torch.from_numpy(known.astype(np.float32))
        self.bands, self.frames, self.reach, self.memory = net.bands, frames, net.reach, net.gru.hidden_size
        self.rows = range(batch)[part]
        self.length = (len(self.features) - 2 * MARGIN) // batch
        if self.length < frames:
            raise DataError(
                f"{len(self.features)} frames of speech are too few for {batch} rows; build a larger corpus"
            )
        self.state = torch.zeros(1, len(self.rows), self.memory)

    def at(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Codes before, (N, S) codes, (N, T + 4, F) features of a step; a new pass begins from zeros."""
        per_pass = self.length // self.frames
        offset = step % per_pass * self.frames
        if offset == 0:
            self.state = torch.zeros(1, len(self.rows), self.memory)
        rows, b = [MARGIN + offset + row * self.length for row in self.rows], self.bands
        codes = torch.stack([self.codes[f * HOP : (f + self.frames) * HOP] for f in rows]).long()
        before = [self.codes[f * HOP - self.reach * b : (f + self.frames) * HOP - b] for f in rows]
        features = torch.stack([self.features[f - MARGIN : f + self.frames + MARGIN] for f in rows])
        return torch.stack(before).long(), codes, features


def noisy(codes: Tensor, step: int, batch: int, part: slice = WHOLE) -> Tensor:
    """Codes moved by rounded normal noise of 0 to 3 levels, each row by its own; the same ones whenever the step is run
    again, on however many ranks."""
    generator = torch.Generator().manual_seed(step)
    strength = NOISE * torch.rand((batch, 1), generator=generator)
    moves = (strength * torch.randn((batch, codes.shape[1]), generator=generator))[part]
    return (codes + moves.round().long()).clamp(0, LEVELS - 1)


def logits_of(net: WaveGRU, before: Tensor, features: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """Node logits of a step whose features have a margin of two frames."""
    margin = MARGIN * net.subframes
    periods = net.periods(features[:, MARGIN:-MARGIN])
    return net.logits(before, net.condition(features)[:, margin:-margin], state, periods)


def weighted(bits: Tensor, bands: int) -> Tensor:
    """Mean of (N, S) bits, the lowest of the bands three times the others."""
    weights = bits.new_ones(bands)
    weights[0] = LOWEST if bands > 1 else 1
    return (bits.reshape(-1, bands) * weights).mean() / weights.mean()


def distance(student: Tensor, teacher: Tensor, codes: Tensor) -> Tensor:
    """(N, S) KL in bits from teacher to student over the eight choices on the way to each code."""
    nodes, _ = path(codes)
    s, t = student.gather(-1, nodes), teacher.gather(-1, nodes)
    p = torch.sigmoid(t)
    return ((p * (t - s)) + F.softplus(s) - F.softplus(t)).sum(-1) / np.log(2)


def main() -> None:
    """Train one sitting."""
    options = _options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    teacher = restored(options.teacher) if options.teacher else None
    begin = options.teacher or options.start
    net = restored(begin) if begin else network(options)
    held = sentences(options.corpus, net.bands, held_out=True)[:SCORED]
    known = sentences(options.corpus, net.bands, held_out=False)
    ranks, bf16 = ranks_here(), options.bf16 and gains_by_bf16()
    part = slice(ranks.rank, None, ranks.world)
    streams = Streams(known, net, options.batch, options.frames, part)
    memory = torch.zeros_like(streams.state)

    def batch(step: int) -> Tensor:
        nonlocal memory
        before, codes, features = streams.at(step)
        before = noisy(before, step, options.batch, part)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits, state = logits_of(net, before, features, streams.state)
        streams.state = state.detach().float()
        loss = weighted(bits_of(logits, codes), net.bands)
        if teacher is None:
            return loss
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            target, memory = logits_of(teacher, before, features, memory.float())
        return (loss + weighted(distance(logits, target, codes), net.bands)) / 2

    pruned = Pruned(net, options.structure, options.sparsity) if options.structure else None

    def prune(step: int) -> None:
        if pruned:
            begin, end = options.steps // 10, options.steps * 35 // 100
            pruned.update(step, cubic(step, begin=begin, end=end, final=1.0))

    train(net, batch, options.out, steps=options.steps, rate=options.rate, minutes=options.minutes,
          score=lambda: {"nll_bits": held_out_bits(net, held)}, after_step=prune)  # fmt: skip


@torch.no_grad()
def held_out_bits(net: WaveGRU, sentences: list[dict[str, Any]]) -> float:
    """Mean bits a sample over whole held-out sentences.

    Raises:
        DataError: there is no held-out sentence.
    """
    if not sentences:
        raise DataError("no held-out sentence; build a larger corpus")
    total, samples = 0.0, 0
    for one in sentences:
        codes = torch.from_numpy(one["codes"]).long()[None]
        bits, _ = net.nll(codes, torch.from_numpy(one["features"].astype(np.float32))[None])
        total, samples = total + bits.sum().item(), samples + bits.numel()
    return total / samples


def network(options: argparse.Namespace) -> WaveGRU:
    """An untrained one of the sizes asked for."""
    recent, around = RECALLED[options.bands]
    return WaveGRU(
        hidden=options.hidden, embedding=EMBEDDING[options.bands], bands=options.bands, recent=recent, around=around
    )


def restored(checkpoint: Path) -> WaveGRU:
    """The network of a checkpoint, of the sizes that its weights have."""
    weights = torch.load(existing_file(checkpoint), weights_only=True)["net"]
    bands, embedding = len(weights["nodes.weight"]) // (LEVELS - 1), weights["embed.weight"].shape[1]
    channels, features = weights["wide.weight"].shape[:2]
    recalls = weights["gru.weight_ih_l0"].shape[1] > bands * embedding + channels
    recent, around = RECALLED[bands] if recalls else (0, 0)
    net = WaveGRU(
        hidden=weights["gru.weight_hh_l0"].shape[1], features=features, channels=channels,
        head=len(weights["head.weight"]), embedding=embedding, bands=bands, recent=recent, around=around,
    )  # fmt: skip
    net.load_state_dict(weights)
    return net.eval()


def sentences(corpus: Path, bands: int, held_out: bool) -> list[dict[str, Any]]:
    """Codes and features of those of the corpus."""
    return [
        {"codes": encoded(one["audio"], bands), "features": one["features"]} for one in read(corpus, held_out=held_out)
    ]


def encoded(audio: NDArray[np.int16], bands: int) -> NDArray[np.uint8]:
    """Codes of a recording, those of a step side by side."""
    encode = mulaw.encode if bands == 1 else subbands.encode
    return encode(audio.astype(np.float32) / 32767)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=default_folder())
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and log")
    parser.add_argument("--hidden", type=int, help="of the GRU (default: 1024, or the checkpoint's)")
    parser.add_argument("--bands", type=int, choices=(1, 4), help="codes of a step (default: 1, or the checkpoint's)")
    parser.add_argument("--batch", type=int, default=64, help="streams side by side (default: 64)")
    parser.add_argument("--frames", type=int, default=4, help="frames of 300 samples to learn through (default: 4)")
    parser.add_argument("--steps", type=int, default=100_000, help="of the whole training")
    parser.add_argument("--rate", type=float, default=1e-3, help="height of the learning rate")
    parser.add_argument("--minutes", type=float, default=60, help="of this sitting; run again to go on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="multiply in bfloat16 where that is faster")
    parser.add_argument("--teacher", type=Path, help="a dense checkpoint to start and to learn from")
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from, of another speaker's corpus")
    parser.add_argument("--structure", choices=("unstructured", "16x1"), help="prune while training")
    parser.add_argument("--sparsity", type=float, default=0.95, help="of the recurrent matrix (default: 0.95)")
    options = parser.parse_args()
    if options.teacher and options.start:
        parser.error("a student starts from its teacher: leave out --start")
    if (options.teacher or options.start) and (options.hidden or options.bands):
        parser.error("sizes are those of the checkpoint it starts from: leave out --hidden and --bands")
    options.hidden, options.bands = options.hidden or 1024, options.bands or 1
    return options


if __name__ == "__main__":
    main()
