"""The voice of hibari: the engine against ONNX Runtime on hibari's own file, one thread each, text to samples."""

import time
from statistics import median, quantiles

from apus.bench.results import Row, row
from apus.speech import Voice

RUNS = 15
TEXTS = {
    "voice-short": "Hello there.",
    "voice-200": "The committee met on Tuesday to discuss the budget, which had grown by nearly a third since "
    "the spring; most members thought that the figures were wrong, but nobody could say who had added them up.",
}


def voices() -> list[Row]:
    """`rtf`, `speedup_vs_onnxruntime` and `first_audio_ms_p95` of a short text and of one of 200 characters."""
    from hibari import Hibari

    ours, theirs = Voice(threads=1), Hibari(threads=1)
    rows = []
    for case, text in TEXTS.items():
        mine, peer = [], []
        for _ in range(RUNS + 1):
            start = time.perf_counter()
            samples = ours.say(text)
            mine.append(time.perf_counter() - start)
            start = time.perf_counter()
            theirs(text, seed=0)
            peer.append(time.perf_counter() - start)
        mine, peer, seconds = mine[1:], peer[1:], len(samples) / ours.rate
        ratios = [p / m for p, m in zip(peer, mine, strict=True)]
        detail = {"characters": len(text), "seconds": seconds, "ours_ms": 1e3 * median(mine)}
        detail |= {"theirs_ms": 1e3 * median(peer), "theirs": "onnxruntime, hibari's own dynamic int8"}
        spread = {"low": min(ratios), "high": max(ratios), "runs": RUNS}
        late = 1e3 * quantiles(mine, n=20)[-1]
        rows += [
            row(case, "rtf", median(mine) / seconds, "", runs=RUNS, detail=detail),
            row(case, "speedup_vs_onnxruntime", median(peer) / median(mine), "x", **spread, detail=detail),
            row(case, "first_audio_ms_p95", late, "ms", runs=RUNS, detail=detail),  # a sentence comes whole
        ]
    return rows
