"""Held-out sentences, spoken and judged: words that Whisper hears wrong, spectra against hibari's own voice.

The corpus is hibari's own voice in ONNX Runtime (`recipes.speech.corpus`); a system that says the same sentences is
compared with it sentence by sentence, so the intervals of the differences are narrower than those of the rates.
"""

from collections.abc import Callable
from itertools import islice

import numpy as np
from recipes.speech.corpus import default_folder, read

from apus.bench.results import Row, row
from apus.speech import Voice
from benchmarks.speech.judges import Floats, cepstral_distortion, interval, wrong_words

SENTENCES = 200


def quality() -> list[Row]:
    """`wer_pct` of each system, and `wer_points` and `cepstral_distortion_db` against the corpus."""
    held = list(islice(read(default_folder(), held_out=True), SENTENCES))
    if len(held) < SENTENCES:
        raise SystemExit(f"{len(held)} held-out sentences; build a corpus: python -m recipes.speech.corpus")
    wanted = {one["text"]: one["audio"].astype(np.float32) / 32767 for one in held}
    base = _counts(wanted, wanted.__getitem__)
    rows = [_rate("corpus", base)]
    for name, voice in {"hibari-int8": Voice(), "hibari-fp32": Voice(precision="fp32")}.items():
        said = {text: voice.say(text) for text in wanted}
        found = _counts(wanted, said.__getitem__)
        rows += [_rate(name, found), _difference(name, found, base), _distortion(name, said, wanted)]
    return rows


def _counts(texts: dict[str, Floats], say: Callable[[str], Floats]) -> np.ndarray:
    """(N, 2) wrong words and words of each sentence."""
    return np.array([wrong_words(text, say(text)) for text in texts], np.float64)


def _rate(name: str, counts: np.ndarray) -> Row:
    rate, low, high = (100 * each for each in interval(counts[:, 0], counts[:, 1]))
    return row(f"quality-{name}", "wer_pct", rate, "%", low=low, high=high, runs=len(counts))


def _difference(name: str, counts: np.ndarray, base: np.ndarray) -> Row:
    more, low, high = (100 * each for each in interval(counts[:, 0] - base[:, 0], base[:, 1]))
    return row(f"quality-{name}", "wer_points", more, "points", low=low, high=high, runs=len(counts))


def _distortion(name: str, said: dict[str, Floats], wanted: dict[str, Floats]) -> Row:
    """Of the sentences that come out as long as the recording; others would have to be aligned first."""
    pairs = [(said[text], audio) for text, audio in wanted.items() if len(said[text]) == len(audio)]
    found = [cepstral_distortion(ours, theirs) for ours, theirs in pairs]
    spread = {"low": min(found), "high": max(found), "runs": len(found)}
    return row(f"quality-{name}", "cepstral_distortion_db", float(np.mean(found)), "dB", **spread)
