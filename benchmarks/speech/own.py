"""The voice trained here, from text to samples on one thread: its real-time factor, and how soon it begins."""

import time
from statistics import median, quantiles

from apus.bench.results import Row, row
from apus.speech import Voice
from apus.speech.voices import package
from benchmarks.speech.voices import RUNS, TEXTS, cold

CASES = {"end-to-end-short": "voice-short", "end-to-end": "voice-200"}


def own() -> list[Row]:
    """`rtf` and `first_audio_ms_p95` of two texts, the command's start and memory, and megabytes of the files."""
    voice, rows = Voice("apus", threads=1), []
    for case, name in CASES.items():
        first, whole = [], []
        for _ in range(RUNS + 1):
            start, samples = time.perf_counter(), 0
            for chunk in voice.stream(TEXTS[name]):
                if not samples:
                    first.append(1e3 * (time.perf_counter() - start))
                samples += len(chunk.samples)
            whole.append(time.perf_counter() - start)
        seconds, found = samples / voice.rate, [took * voice.rate / samples for took in whole[1:]]
        detail = {"characters": len(TEXTS[name]), "seconds": seconds, "ms": 1e3 * median(whole[1:])}
        spread = {"low": min(found), "high": max(found), "runs": RUNS, "detail": detail}
        rows.append(row(case, "rtf", median(found), "", **spread))
        rows.append(row(case, "first_audio_ms_p95", quantiles(first[1:], n=20)[-1], "ms", runs=RUNS, detail=detail))
    size = sum(file.stat().st_size for file in package("apus").glob("*.*")) / 1e6
    return [*rows, *cold("end-to-end-command", "apus"), row("end-to-end", "megabytes", size, "MB")]
