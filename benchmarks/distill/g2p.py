"""Grapheme to phoneme: a 3 + 3 transformer teaches itself in few bits (DQ-BART), from logits, hidden states, attention.

The students start as the teacher, fake-quantised in every layer and table, and learn from the labels, the teacher's
logits, all hidden states and all attention scores, with weight 1 each, as the source's code has it; at 8 and 4 bits
without the labels. `2-8-2layer` has two layers each side, spaced from the teacher's, for a footprint below a
sixteenth. Judged by the share of 5,000 unseen words whose every phoneme is right in one of the dictionary's ways to say
them, decoded greedily; `calibrated` is the student before it learns.

Source: Li et al., "DQ-BART", 2022, arXiv:2203.11239, §3.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from apus.bench.results import Row, row
from apus.data import Dataset
from apus.data.cmudict import LETTERS, LONGEST, PHONEMES, Lexicon, as_text, load_cmudict, read_lexicon, split_words
from apus.data.texts import TextBatches
from apus.models.g2p import G2P, loss
from apus.techniques.distill import Taps, Teacher, attention_mse, initialise, logits_mse, map_layers
from apus.techniques.quantize import QuantEmbedding, QuantLayer, calibrate, prepare
from apus.training import TrainOptions
from benchmarks.finished import remember
from benchmarks.trained import Result, trained

FOLDER = Path("runs/distill/g2p")
HELD, WIDTH, SEED = 5000, 128, 0
TEACHER = TrainOptions(12, 256, "adamw", 1e-3, weight_decay=0.01, warmup=0.05, clip=1.0)


@dataclass(frozen=True)
class Case:
    """A student: bits of its weights, layers a side, how it learns, and the weight of the labels."""

    bits: int
    layers: int
    options: TrainOptions
    labels: float = 1.0


# Where the start is as good as the teacher: the source's rate, and the teacher alone, as what it knows of the labels it
# knows by heart. Where the start is far from it: the teacher's own rate.
GENTLE = replace(TEACHER, epochs=1, learning_rate=3e-5)
LONG = replace(TEACHER, epochs=8)
CASES = {
    "8-8": Case(8, 3, GENTLE, 0.0),
    "4-8": Case(4, 3, GENTLE, 0.0),
    "2-8": Case(2, 3, LONG),
    "2-8-2layer": Case(2, 2, LONG),
}
SHARED = ("letters", "phonemes", "places", "encoder_norm", "decoder_norm", "head")
INNER = ("encoder.*", "decoder.*")
SCORES = ("encoder.*.own.scores", "decoder.*.own.scores", "decoder.*.cross.scores")


@cache
def data() -> tuple[Dataset, Lexicon, list[str]]:
    """The splits, the dictionary, and the words of the test split."""
    lexicon = read_lexicon()
    return load_cmudict(valid=HELD, test=HELD), lexicon, split_words(lexicon, 2 * HELD)[HELD : 2 * HELD]


def network(layers: int = 3) -> G2P:
    torch.manual_seed(SEED)
    return G2P(len(LETTERS), len(PHONEMES), word=LONGEST, said=LONGEST, width=WIDTH, layers=layers)


def right(model: G2P) -> Result:
    """Share of test words said as the dictionary has them, in percent."""
    splits, lexicon, words = data()
    word = torch.from_numpy(splits.test.x[:, :LONGEST])
    said = torch.cat([model.say(part) for part in word.split(500)]).numpy()
    hits = sum(as_text(row) in lexicon.words[word] for row, word in zip(said, words, strict=True))
    return {"word_accuracy_pct": 100 * hits / len(words)}


def sequence_loss(z: Tensor, y: Tensor, x: Tensor) -> Tensor:
    return loss(z, y)


def teacher() -> tuple[G2P, Result]:
    """The trained teacher in float32."""
    model, key = network(), {"who": "teacher", "seed": SEED, "width": WIDTH}
    return model, trained(FOLDER, key, model, _batches, TEACHER, right, loss=lambda: sequence_loss)


def _batches() -> TextBatches:
    return TextBatches(data()[0].train, TEACHER.batch, seed=SEED)


def student(case: str) -> tuple[nn.Module, Result]:
    """A quantised student that learnt from the inside of its teacher."""
    large, _ = teacher()
    small = network(CASES[case].layers)
    initialise(small, large, {name: name for name in SHARED} | _maps(small, large, INNER))
    example = torch.from_numpy(data()[0].train.x[:256])
    model = prepare(small, example, weight_bits=CASES[case].bits, activation_bits=8, embeddings=True, trace=False)
    calibrate(model, [example])
    start = remember(FOLDER / "finished.jsonl", _key(f"calibrated-{case}"), lambda: right(model.eval()))
    return model, _distilled(case, model, large) | {"calibrated_pct": start["word_accuracy_pct"]}


def _maps(small: nn.Module, large: nn.Module, patterns: tuple[str, ...]) -> dict[str, str]:
    return {own: other for pattern in patterns for own, other in map_layers(small, large, pattern).items()}


def _distilled(case: str, model: nn.Module, large: G2P) -> Result:
    answer, taps, labels = Teacher(large), {}, CASES[case].labels
    hidden, scores = _maps(model, large, INNER), _maps(model, large, SCORES)

    @contextmanager
    def tapped() -> Iterator[None]:
        with Taps(model, *hidden, *scores) as mine, Taps(large, *hidden.values(), *scores.values()) as theirs:
            taps.update(mine=mine, theirs=theirs)
            yield

    def joint(z: Tensor, y: Tensor, x: Tensor) -> Tensor:
        total, mine = labels * loss(z, y) + logits_mse(z, answer(x)), taps["mine"]
        for own, other in hidden.items():
            total = total + nn.functional.mse_loss(mine[own].float(), taps["theirs"][other].float()) / len(hidden)
        for own, other in scores.items():
            total = total + attention_mse(mine[own].float(), taps["theirs"][other].float()) / len(scores)
        return total

    key = _key(f"dq-{case}") | ({} if labels == 1 else {"labels": labels})
    return trained(FOLDER, key, model, _batches, CASES[case].options, right, loss=lambda: joint, during=tapped)


def _key(who: str) -> dict[str, Any]:
    return {"who": who, "seed": SEED, "width": WIDTH, "teacher": TEACHER.epochs}


def footprint(model: nn.Module) -> int:
    """Bytes of the weights as stored: levels in their bits and a float32 step per row; all else in float32."""
    packed = [m for m in model.modules() if isinstance(m, QuantLayer | QuantEmbedding)]
    inside = {id(m.layer.weight) for m in packed}
    bits = sum(m.layer.weight.numel() * m.bits + 32 * len(m.layer.weight) for m in packed)
    return (bits + 32 * sum(p.numel() for p in model.parameters() if id(p) not in inside)) // 8


def rows() -> list[Row]:
    """Word accuracy, what each student loses, and how much smaller it is."""
    torch.set_num_threads(1)
    large, found = teacher()
    base, size = found["word_accuracy_pct"], footprint(large)
    detail = {"parameters": sum(p.numel() for p in large.parameters()), "epochs": TEACHER.epochs, "bytes": size}
    made = [row("g2p-teacher", "word_accuracy_pct", base, "%", detail=detail)]
    for case in CASES:
        model, judged = student(case)
        options = CASES[case].options
        taught = {"epochs": options.epochs, "learning_rate": options.learning_rate, "labels": CASES[case].labels}
        detail = taught | {"bytes": footprint(model), "teacher_pct": base, "calibrated_pct": judged["calibrated_pct"]}
        made += [
            row(f"g2p-dq-{case}", "word_accuracy_pct", judged["word_accuracy_pct"], "%", detail=detail),
            row(f"g2p-dq-{case}", "drop_points", base - judged["word_accuracy_pct"], "points", detail=detail),
            row(f"g2p-dq-{case}", "footprint_ratio", size / footprint(model), "x", detail=detail),
        ]
    return made
