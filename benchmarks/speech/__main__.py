"""`make bench-speech`: writes `benchmarks/results/speech.json`. `python -m benchmarks.speech PART` measures one part.

Parts: `proofs` (each rung against eager PyTorch, untimed), `ladder` (all contenders in turns, one core, then two),
`streams` (two at once), `voices` (the voice of hibari against ONNX Runtime), `own` (the one trained here). `quality`
is measured only when it is named: it needs a corpus, a recogniser and judges (recipes/speech/recogniser.py, judges.py).
"""

import argparse
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import torch

from apus.bench.results import Row, row
from apus.data.fetch import cache_folder
from apus.models.wavegru import HOP
from apus.speech.features import RATE
from benchmarks.finished import write_parts
from benchmarks.speech.networks import Signal, dense, signal
from benchmarks.speech.own import own
from benchmarks.speech.proofs import proofs
from benchmarks.speech.rungs import RUNGS, speaker, two_streams, vocoders
from benchmarks.speech.stock import Stock
from benchmarks.speech.stocks import stocks
from benchmarks.speech.voices import voices

RESULTS = Path(__file__).parents[1] / "results" / "speech.json"
ROUNDS = 7
SECONDS = 0.25
WEIGHTS = "random, untrained; pruned without training: this is about speed alone"
Times = dict[str, list[float]]


def ready() -> list[Stock]:
    """The stock contenders; what they export is kept in the cache."""
    folder = cache_folder() / "speech-ladder"
    folder.mkdir(parents=True, exist_ok=True)
    return list(stocks(dense(), folder))


def clock(speakers: dict[str, Callable[[int], Any]], longest: int) -> Times:
    """Microseconds a sample of each, in turns; each turn lasts about `SECONDS`, in whole frames."""
    counts, times = {}, {label: [] for label in speakers}
    for label, speak in speakers.items():
        speak(HOP)
        start = time.perf_counter()
        speak(HOP)
        frames = round(SECONDS / (time.perf_counter() - start))
        counts[label] = HOP * min(max(frames, 1), longest)
    for _ in range(ROUNDS):
        for label, speak in speakers.items():
            start = time.perf_counter()
            speak(counts[label])
            times[label].append((time.perf_counter() - start) / counts[label] * 1e6)
    return times


def ladder() -> list[Row]:
    """`rtf` and `total_speedup` of every rung; the bars of rung 7b."""
    known, peers, made = signal(200), ready(), vocoders()
    speakers = {peer.label: peer.prepare(dense(), known) for peer in peers}
    times = clock(speakers | _ours(made, known, 1), 200)
    times |= clock(_ours(made, known, 2), 200)
    return [*_stock_rungs(times, peers), *_our_rungs(times), *_bars(times, peers)]


def _ours(made: dict[str, Any], known: Signal, threads: int) -> dict[str, Callable[[int], Any]]:
    return {r.case: speaker(made[r.case], known, threads) for r in RUNGS if r.threads == threads}


def _row(case: str, name: str, times: Times, label: str) -> list[Row]:
    us, eager = times[label], times["eager"]
    detail = {"name": name, "us_per_sample": median(us), "contender": label, "weights": WEIGHTS}
    spread = {"low": min(us) * RATE / 1e6, "high": max(us) * RATE / 1e6, "runs": ROUNDS}
    ratios = sorted(e / u for e, u in zip(eager, us, strict=True))
    ends = {"low": ratios[0], "high": ratios[-1], "runs": ROUNDS}
    return [
        row(case, "rtf", median(us) * RATE / 1e6, "", **spread, detail=detail),
        row(case, "total_speedup", median(eager) / median(us), "x", **ends, detail=detail),
    ]


def _stock_rungs(times: Times, peers: list[Stock]) -> list[Row]:
    """Rung 0; rung 1, the best fp32 stock of the network as written; rung 2, the best of what is folded."""
    plain, folded = (
        [p.label for p in peers if p.folded == f and p.precision == "fp32" and p.label != "eager"]
        for f in (False, True)
    )
    one, two = (min(labels, key=lambda label: median(times[label])) for labels in (plain, folded))
    rows = _row("ladder-0", "eager PyTorch", times, "eager")
    rows += _row("ladder-1", f"best fp32 stock: {one}", times, one)
    rows += _row("ladder-2", f"folded, best fp32 stock: {two.removesuffix('-folded')}", times, two)
    return rows


def _our_rungs(times: Times) -> list[Row]:
    return [found for r in RUNGS for found in _row(r.case, r.name, times, r.case)]


def _bars(times: Times, peers: list[Stock]) -> list[Row]:
    us = {label: median(found) for label, found in times.items()}
    ours, best = us["ladder-7b"], {}
    for metric, chosen in (
        ("speedup_vs_best_stock_fp32", [p for p in peers if not p.folded and p.precision == "fp32"]),
        ("speedup_vs_best_stock", [p for p in peers if not p.folded]),
        ("speedup_vs_best_folded_fp32", [p for p in peers if p.folded and p.precision == "fp32"]),
        ("speedup_vs_best_folded", [p for p in peers if p.folded]),
    ):
        best[metric] = min((p.label for p in chosen), key=us.__getitem__)
    detail = {"apus_us": ours, "peers_us": {p.label: us[p.label] for p in peers}, "weights": WEIGHTS}
    rows = [row("ladder-7b", m, us[p] / ours, "x", runs=ROUNDS, detail=detail | {"best": p}) for m, p in best.items()]
    csr = us["csr-of-16x1"] / us["ladder-6"]
    rows.append(row("ladder-6", "speedup_vs_csr", csr, "x", runs=ROUNDS, detail={"nonzeros": "the same"}))
    spread = {"low": min(times["ladder-7b"]) * RATE / 1e6, "high": max(times["ladder-7b"]) * RATE / 1e6}
    rows.append(row("vocoder", "rtf", ours * RATE / 1e6, "", **spread, runs=ROUNDS, detail={"us_per_sample": ours}))
    return rows


def streams() -> list[Row]:
    """`throughput` of two streams on two cores against one on one."""
    known, made, rows = signal(200), vocoders(), []
    for case in ("ladder-6", "ladder-7b"):
        found = two_streams(made[case], known, ROUNDS)
        spread = {"low": min(found), "high": max(found), "runs": ROUNDS}
        rows.append(row(f"{case}-two-streams", "throughput", median(found), "x", **spread))
    return rows


PARTS: dict[str, Callable[[], list[Row]]] = {
    "proofs": lambda: proofs(ready()),
    "ladder": ladder,
    "streams": streams,
    "voices": voices,
    "own": own,
    "quality": lambda: import_module("benchmarks.speech.quality").quality(),
}


def main() -> int:
    """Measure all parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all by default")
    parser.add_argument("--results", type=Path, default=RESULTS, help="of another machine: speech-NAME.json beside it")
    torch.set_num_threads(1)
    options = parser.parse_args()
    chosen = options.parts or [name for name in PARTS if name != "quality"]
    write_parts(options.results, "speech", {part: PARTS[part] for part in chosen})
    return 0


if __name__ == "__main__":
    sys.exit(main())
