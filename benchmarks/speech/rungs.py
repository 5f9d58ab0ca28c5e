"""Our rungs: the engine on the same network, each with one thing more than the rung before."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apus.export import wavegru_arrays
from apus.models.wavegru import HOP
from apus.runtime import WaveGRU
from benchmarks.speech.networks import LEVEL_OF, Signal, dense, pruned


@dataclass(frozen=True)
class Rung:
    """A row of the ladder: which descendant, how stored, how its gates are computed, on how many threads."""

    case: str
    name: str
    structure: str
    kind: str
    activations: str = "fast"
    threads: int = 1


RUNGS = (
    Rung("ladder-3", "whole loop fused in C++", "dense", "dense", "accurate"),
    Rung("ladder-4", "approximated activations", "dense", "dense"),
    Rung("ladder-5", "95 % unstructured, CSR", "unstructured", "csr"),
    Rung("ladder-6", "95 % in 16x1 blocks", "16x1", "block16"),
    Rung("ladder-7a", "bf16", "16x1", "block16-bf16"),
    Rung("ladder-7b", "int8", "16x1", "block16-int8"),
    Rung("ladder-7b-16x4", "int8 in 16x4 blocks", "16x4", "block16-int8"),
    Rung("ladder-8-fp32", "rung 6 on two cores", "16x1", "block16", threads=2),
    Rung("ladder-8", "rung 7b on two cores", "16x1", "block16-int8", threads=2),
    Rung("without-blocks", "rung 7b, dense", "dense", "block16-int8"),
    Rung("without-int8", "rung 7b in fp32", "16x1", "block16"),
    Rung("without-approximation", "rung 7b, accurate activations", "16x1", "block16-int8", "accurate"),
    Rung("csr-of-16x1", "rung 6's weights in CSR", "16x1", "csr"),
)


def vocoders() -> dict[str, WaveGRU]:
    """Ready to speak, by case."""
    arrays = {s: wavegru_arrays(dense() if s == "dense" else pruned(s)) for s in {r.structure for r in RUNGS}}
    return {r.case: WaveGRU(arrays[r.structure], kind=r.kind, activations=r.activations) for r in RUNGS}


def speaker(vocoder: WaveGRU, signal: Signal, threads: int) -> Callable[[int], NDArray[np.float32]]:
    """What speaks the first `count` samples, conditioning and draws included."""
    return lambda count: vocoder.speak(signal.features[: count // HOP], threads=threads)


def bits(logits: NDArray[np.float32], codes: NDArray[np.uint8]) -> float:
    """Mean bits that codes cost, -log2 of the eight choices on the way to each."""
    node, total = np.zeros(len(codes), int), np.zeros(len(codes))
    for level in range(8):
        bit = codes.astype(int) >> (7 - level) & 1
        x = logits[np.arange(len(codes)), node].astype(np.float64)
        total += np.logaddexp(0, np.where(bit, -x, x)) / np.log(2)
        node = 2 * node + 1 + bit
    return float(total.mean())


def drawn(logits: NDArray[np.float32], draws: NDArray[np.float32]) -> NDArray[np.int64]:
    """Codes that the draws pick from the trees."""
    outcome, node = logits > draws[:, LEVEL_OF], np.zeros(len(draws), int)
    for _ in range(8):
        node = 2 * node + 1 + outcome[np.arange(len(draws)), node]
    return node - 255


def two_streams(vocoder: WaveGRU, signal: Signal, runs: int) -> list[float]:
    """How much more two streams on two cores speak in the same time than one on one, run by run."""

    def clock(streams: int) -> float:
        with ThreadPoolExecutor(streams) as pool:
            start = time.perf_counter()
            list(pool.map(lambda seed: vocoder.speak(signal.features, seed), range(streams)))
            return time.perf_counter() - start

    clock(2)
    return [2 * clock(1) / clock(2) for _ in range(runs)]
