"""The voice of hibari: the engine against ONNX Runtime on hibari's own file, one thread each, text to samples."""

import subprocess
import sys
import time
from statistics import median, quantiles

from apus.bench.results import Row, row
from apus.speech import Voice

RUNS, COLD_RUNS = 15, 7
SAY = """
import os, re, sys
from pathlib import Path
from apus.cli import main
assert main(["say", sys.argv[1], "--model", sys.argv[2], "-o", os.devnull]) == 0
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
TEXTS = {
    "voice-short": "Hello there.",
    "voice-200": "The committee met on Tuesday to discuss the budget, which had grown by nearly a third since "
    "the spring; most members thought that the figures were wrong, but nobody could say who had added them up.",
}


def cold(case: str, name: str) -> list[Row]:
    """`apus say` as a command: seconds from the shell to a written file, and its peak memory."""
    seconds, megabytes = [], []
    for _ in range(COLD_RUNS):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", SAY, TEXTS["voice-short"], name], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
        megabytes.append(int(done.stdout.split()[-1]) / 1024)
    spread = {"low": min(seconds), "high": max(seconds), "runs": COLD_RUNS}
    return [
        row(case, "cold_start_s", median(seconds), "s", **spread),
        row(case, "peak_rss_mb", max(megabytes), "MB", runs=COLD_RUNS),
    ]


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
    return rows + cold("voice-command", "hibari")
