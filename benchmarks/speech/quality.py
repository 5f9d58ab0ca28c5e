"""Held-out sentences, spoken and judged: words that Whisper hears wrong, opinion, melody and spectra, and bits a code.

The first three that each system says are kept as WAV files in `runs/speech/heard`.

The corpus is hibari's own voice in ONNX Runtime (`recipes.speech.corpus`); a system that says the same sentences is
compared with it sentence by sentence, so the intervals of the differences are narrower than those of the rates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recipes.speech.corpus import default_folder, read
from recipes.speech.recogniser import wrong_words

from apus._files import write_atomically
from apus.bench.results import Row, row
from apus.speech import Voice
from apus.speech.features import RATE
from apus.speech.sound import wav
from benchmarks.speech.judges import Floats, cepstral_distortion, interval, melody, opinion
from benchmarks.speech.learnt import DENSE, FOLDER, bits_of_codes, speakers, vocoders

SENTENCES, KEPT = 200, 3
Say = Callable[[dict[str, Any]], Floats]
"""A sentence of the corpus -> (T,) samples."""


@dataclass(frozen=True)
class Verdict:
    """Of N sentences: (N,) wrong words, words and opinions, the melodies end to end, (<= N,) distortions in dB."""

    wrong: NDArray[np.float64]
    words: NDArray[np.float64]
    opinion: NDArray[np.float64]
    melody: Floats
    distortion: NDArray[np.float64]


def quality() -> list[Row]:
    """All systems that there are: what the judges say of each, and how far it is from the corpus."""
    held = list(islice(read(default_folder(), held_out=True), SENTENCES))
    if len(held) < SENTENCES:
        raise SystemExit(f"{len(held)} held-out sentences; build a corpus: python -m recipes.speech.corpus")
    known = vocoders()
    rows = [row(f"quality-{name}", "nll_bits", bits_of_codes(net, held), "bit") for name, net in known.items()]
    corpus = judged("corpus", held, recorded)
    rows += _alone("quality-corpus", corpus)
    found: dict[str, Verdict] = {}
    for name, say in systems(known).items():
        found[name] = judged(name, held, say)
        rows += _alone(f"quality-{name}", found[name]) + _against(f"quality-{name}", found[name], corpus)
        if name in known and DENSE in found:
            rows.append(_words(f"quality-{name}", "wer_points_vs_dense", found[name], found[DENSE]))
    return rows


def systems(known: dict[str, Any]) -> dict[str, Say]:
    """Who speaks: hibari's voice here, each vocoder with the recording's features, and the whole voice with its own."""

    def saying(voice: Voice) -> Say:
        return lambda one: voice.say(one["text"])

    hibari = {"hibari-int8": saying(Voice()), "hibari-fp32": saying(Voice(precision="fp32"))}
    whole = {name: saying(voice) for name, voice in speakers().items()}
    return hibari | {name: net.copy for name, net in known.items()} | whole


def recorded(one: dict[str, Any]) -> Floats:
    """The corpus itself."""
    found: Floats = one["audio"].astype(np.float32) / 32767
    return found


def judged(name: str, held: list[dict[str, Any]], say: Say) -> Verdict:
    """What all judges find."""
    said = [(one, say(one)) for one in held]
    _keep(name, [audio for _, audio in said[:KEPT]])
    counts = np.array([wrong_words(one["text"], audio) for one, audio in said], np.float64)
    # A sentence of another length than its recording's would have to be aligned first.
    pairs = [(audio, recorded(one)) for one, audio in said if len(audio) == len(one["audio"])]
    return Verdict(
        *counts.T,
        opinion=np.array([opinion(audio) for _, audio in said]),
        melody=np.concatenate([melody(audio) for _, audio in said]),
        distortion=np.array([cepstral_distortion(*pair) for pair in pairs]),
    )


def _keep(name: str, said: list[Floats]) -> None:
    folder = FOLDER / "heard" / name
    folder.mkdir(parents=True, exist_ok=True)
    for i, audio in enumerate(said):
        write_atomically(folder / f"{i}.wav", wav(audio, RATE))


def _alone(case: str, found: Verdict) -> list[Row]:
    ones, hz = np.ones(len(found.opinion)), float(np.median(found.melody))
    return [
        _row(case, "wer_pct", found.wrong, found.words, 100, "%"),
        _row(case, "opinion", found.opinion, ones, 1, "MOS"),
        row(case, "median_f0", hz, "Hz", runs=len(ones)),
    ]


def _against(case: str, found: Verdict, corpus: Verdict) -> list[Row]:
    ones, runs = np.ones(len(found.opinion)), len(found.opinion)
    off = 100 * (float(np.median(found.melody)) / float(np.median(corpus.melody)) - 1)
    rows = [
        _words(case, "wer_points", found, corpus),
        _row(case, "opinion_points", found.opinion - corpus.opinion, ones, 1, "MOS"),
        row(case, "median_f0_off_pct", off, "%", runs=runs),
    ]
    if len(found.distortion):
        rows.append(_row(case, "cepstral_distortion_db", found.distortion, np.ones(len(found.distortion)), 1, "dB"))
    return rows


def _words(case: str, metric: str, found: Verdict, other: Verdict) -> Row:
    return _row(case, metric, found.wrong - other.wrong, found.words, 100, "points")


def _row(
    case: str, metric: str, values: NDArray[np.float64], weights: NDArray[np.float64], scale: float, unit: str
) -> Row:
    rate, low, high = (scale * each for each in interval(values, weights))
    return row(case, metric, rate, unit, low=low, high=high, runs=len(values))
